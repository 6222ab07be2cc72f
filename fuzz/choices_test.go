package fuzz

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strconv"

	"github.com/stationmaster/stationmaster/core"
)

// reader takes choices from the bytes of a fuzzer; past their end everything
// is zero, which is the quiet choice.
type reader struct{ b []byte }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		return 0
	}
	x := r.b[0]
	r.b = r.b[1:]
	return x
}

func (r *reader) below(n int) int { return int(r.byte()) % n }

func (r *reader) uvarint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return x
}

// Names and paths of which configurations are made. Only which of them are equal
// matters.
var choiceNames, choicePaths = numbered("n"), numbered("private/p")

func numbered(word string) (all [256]string) {
	for i := range all {
		all[i] = word + strconv.Itoa(i)
	}
	return all
}

func choiceAddress(i byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1 + i>>6}), 1000+uint16(i&63))
}

// Spans that have a number of their own; the last number says that the span
// follows. Those beyond one hour are for configurations that must be refused.
var (
	throttleSpans = [15]core.Duration{
		60 * core.Second, core.Second, 2 * core.Second, 3 * core.Second, 5 * core.Second, 10 * core.Second, 30 * core.Second,
		100 * core.Second, 300 * core.Second, 1000 * core.Second, 3600 * core.Second, 0, 1, -1, math.MaxInt64,
	}
	wakeupSpans = [15]core.Duration{
		0, core.Second, 2 * core.Second, 5 * core.Second, 10 * core.Second, 30 * core.Second, 50 * core.Second, 60 * core.Second,
		100 * core.Second, 300 * core.Second, 1000 * core.Second, 3600 * core.Second, 1, -1, math.MaxInt64,
	}
)

const spanFollows = 15

func (r *reader) span(spans *[15]core.Duration, number byte) core.Duration {
	if number == spanFollows {
		return core.Duration(r.uvarint())
	}
	return spans[number]
}

// Types and process limits by number; zero is the quiet one.
var choiceTypes = [8]core.ServiceType{core.Unix, core.Inet, core.FIFO, core.Pass, core.UnixDatagram, 0, 6, 255}

const (
	limitFollows  = 251 // a number follows
	limitNegative = 252
	limitLeast    = 253
	limitMost     = 254
	limitNone     = 255
)

func (r *reader) limit() int32 {
	switch n := r.byte(); n {
	case limitFollows:
		return int32(r.uvarint())
	case limitNegative:
		return -1
	case limitLeast:
		return math.MinInt32
	case limitMost:
		return math.MaxInt32
	case limitNone:
		return 0
	default:
		return int32(n) + 1
	}
}

// Bits of the first byte of a service, above its type.
const (
	choiceReachable = 1 << 3 // from other hosts
	choiceIfUsed    = 1 << 4 // a wakeup with a question mark
	choiceOdd       = 1 << 5 // a byte with the bits below follows
	choiceEndpoints = 6      // two bits: one endpoint, two, three, or as a byte says
)

// Bits of the byte that selects what is unusual.
const (
	oddCanonical = 1 << iota // a byte selects the canonical name
	oddSettings              // a byte selects other settings
	oddKind                  // endpoints of the wrong kind
	oddBoth                  // endpoints with an address and a path
	oddNeither               // endpoints with nothing
)

// arena allocates configurations and frees them all at once.
type arena struct {
	configs []*core.Config
	used    int
}

// fresh returns an empty configuration.
func (a *arena) fresh() *core.Config {
	if a.used == len(a.configs) {
		a.configs = append(a.configs, &core.Config{})
	}
	c := a.configs[a.used]
	a.used++
	*c = core.Config{
		MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix",
		Services: c.Services[:0], Diagnostics: c.Diagnostics[:0],
	}
	return c
}

// given returns the configurations made since the last reset.
func (a *arena) given() []*core.Config { return a.configs[:a.used] }

// maxServices bounds the services of one configuration.
const maxServices = 63

// config reads one configuration.
func (r *reader) config(a *arena) *core.Config {
	c := a.fresh()
	head := r.byte()
	c.ReloadClearsThrottle = head&(1<<6) != 0
	if head&(1<<7) != 0 {
		r.diagnostics(c)
	}
	n := int(head & maxServices)
	room(c, n)
	for i := range c.Services {
		r.service(&c.Services[i])
		c.Services[i].Line = int32(i + 1)
	}
	return c
}

// room makes room in the configuration for n services, each with memory of its own.
func room(c *core.Config, n int) {
	if cap(c.Services) < n {
		c.Services = append(make([]core.ServiceConfig, 0, n), c.Services[:cap(c.Services)]...)
	}
	c.Services = c.Services[:n]
}

// again returns a configuration of the same content as one that was made before.
func (a *arena) again(i int) *core.Config {
	from := a.configs[i%a.used]
	c := a.fresh()
	room(c, len(from.Services))
	c.ReloadClearsThrottle = from.ReloadClearsThrottle
	c.Diagnostics = append(c.Diagnostics, from.Diagnostics...)
	for i := range c.Services {
		endpoints := c.Services[i].Endpoints[:0]
		c.Services[i] = from.Services[i]
		c.Services[i].Endpoints = append(endpoints, from.Services[i].Endpoints...)
	}
	return c
}

func (r *reader) diagnostics(c *core.Config) {
	for range r.below(8) {
		b := r.byte()
		d := core.Diagnostic{Severity: core.Severity(b & 7), File: "/etc/postfix/master.cf", Line: int32(b), Text: "said of it"}
		if b&(1<<7) != 0 {
			d.Hint = "write something else"
		}
		c.Diagnostics = append(c.Diagnostics, d)
	}
}

func (r *reader) service(s *core.ServiceConfig) {
	head, name := r.byte(), r.byte()
	*s = core.ServiceConfig{
		Name: choiceNames[name], Canonical: choiceNames[name], Type: choiceTypes[head&7], Endpoints: s.Endpoints[:0],
		LocalOnly: head&choiceReachable == 0, WakeupIfUsed: head&choiceIfUsed != 0,
		Command: "server", Path: "/d/server", ProcessLimit: r.limit(),
	}
	spans := r.byte()
	s.WakeupInterval = r.span(&wakeupSpans, spans&15)
	s.ThrottleDelay = r.span(&throttleSpans, spans>>4)
	odd := byte(0)
	if head&choiceOdd != 0 {
		odd = r.byte()
	}
	if odd&oddCanonical != 0 {
		s.Canonical = choiceNames[r.byte()]
	}
	if odd&oddSettings != 0 {
		b := r.byte()
		s.Unprivileged, s.Chroot, s.Path = b&1 != 0, b&2 != 0, choicePaths[b>>2]
	}
	n := int(head>>choiceEndpoints) + 1
	if n == 4 {
		n = int(r.byte())
	}
	for range n {
		s.Endpoints = append(s.Endpoints, r.endpoint(s.Type == core.Inet, odd))
	}
}

func (r *reader) endpoint(inet bool, odd byte) (e core.Endpoint) {
	b := r.byte()
	inet = inet != (odd&oddKind != 0)
	if odd&oddNeither != 0 {
		return e
	}
	if inet || odd&oddBoth != 0 {
		e.Address = choiceAddress(b)
	}
	if !inet || odd&oddBoth != 0 {
		e.Path = choicePaths[b]
	}
	return e
}
