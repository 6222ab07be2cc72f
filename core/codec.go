package core

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// codec walks a value once, either writing it to bytes or reading it from
// them, so that what is written and what is read cannot drift apart. Numbers
// are varints in their shortest form; what is accepted encodes to the same
// bytes again. Reading never panics and takes no memory that the remaining
// bytes cannot justify.
type codec struct {
	b       []byte // written so far, or still to be read
	reading bool
	err     error
}

var errMalformed = errors.New("malformed encoding")

func (c *codec) fail() {
	if c.err == nil {
		c.err = errMalformed
	}
	c.b = nil
}

func (c *codec) uvarint(v *uint64) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, *v)
		return
	}
	x, n := binary.Uvarint(c.b)
	if n <= 0 || n > 1 && c.b[n-1] == 0 {
		c.fail()
		return
	}
	*v, c.b = x, c.b[n:]
}

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// number walks any integer; negative ones are zigzagged.
func number[T integer](c *codec, v *T) {
	x := int64(*v)
	u := uint64(x)<<1 ^ uint64(x>>63)
	c.uvarint(&u)
	if c.reading {
		x = int64(u>>1) ^ -int64(u&1)
		if int64(T(x)) != x {
			c.fail()
			return
		}
		*v = T(x)
	}
}

func (c *codec) bool(v *bool) {
	var u uint64
	if *v {
		u = 1
	}
	c.uvarint(&u)
	if u > 1 {
		c.fail()
		return
	}
	*v = u == 1
}

func (c *codec) string(v *string) {
	n := uint64(len(*v))
	c.uvarint(&n)
	if !c.reading {
		c.b = append(c.b, *v...)
		return
	}
	if n > uint64(len(c.b)) {
		c.fail()
		return
	}
	*v, c.b = string(c.b[:n]), c.b[n:]
}

// list walks a slice. Every element takes one byte or more, which bounds the
// length that is believed.
func list[T any](c *codec, v *[]T, each func(*T)) {
	n := uint64(len(*v))
	c.uvarint(&n)
	if c.reading {
		if n > uint64(len(c.b)) {
			c.fail()
			return
		}
		*v = nil
		for ; n > 0 && c.err == nil; n-- {
			var x T
			each(&x)
			*v = append(*v, x)
		}
		return
	}
	for i := range *v {
		each(&(*v)[i])
	}
}

func (c *codec) strings(v *[]string) { list(c, v, c.string) }

// options walks the options; those of the format before are without the last.
func (c *codec) options(o *MachineOptions, old bool) {
	c.bool(&o.InitMode)
	c.bool(&o.GroupLeader)
	c.bool(&o.Verbose)
	c.bool(&o.ExitSet)
	number(c, &o.ExitAfter)
	c.bool(&o.Strict)
	if !old {
		number(c, &o.Descriptors)
	}
}

func (c *codec) account(a *Account) {
	c.string(&a.Name)
	number(c, &a.UID)
	number(c, &a.GID)
}

func (c *codec) endpoint(e *Endpoint) {
	var text string
	if !c.reading && e.Path == "" && e.Address.IsValid() { // a refused configuration may name neither
		text = e.Address.String()
	}
	c.string(&e.Path)
	c.string(&text)
	if !c.reading || text == "" {
		return
	}
	address, err := netip.ParseAddrPort(text)
	if err != nil || e.Path != "" || address.String() != text {
		c.fail()
		return
	}
	e.Address = address
}

func (c *codec) serviceConfig(s *ServiceConfig) {
	c.string(&s.Name)
	c.string(&s.Canonical)
	number(c, &s.Type)
	number(c, &s.Line)
	list(c, &s.Endpoints, c.endpoint)
	c.bool(&s.Unprivileged)
	c.bool(&s.Chroot)
	c.bool(&s.LocalOnly)
	c.bool(&s.HostInName)
	number(c, &s.WakeupInterval)
	c.bool(&s.WakeupIfUsed)
	number(c, &s.ProcessLimit)
	c.string(&s.Command)
	c.string(&s.Path)
	c.strings(&s.Args)
	number(c, &s.ThrottleDelay)
	number(c, &s.Backlog)
	number(c, &s.WindowSize)
	c.account(&s.Owner)
	c.bool(&s.ForegroundFlag)
	c.bool(&s.VerboseFlag)
	c.bool(&s.SwitchIdentity)
}

func (c *codec) diagnostic(d *Diagnostic) {
	number(c, &d.Severity)
	c.string(&d.File)
	number(c, &d.Line)
	number(c, &d.Column)
	c.string(&d.Text)
	c.string(&d.Hint)
}

func (c *codec) config(f *Config) {
	c.string(&f.MailVersion)
	c.string(&f.ConfigDirectory)
	c.string(&f.QueueDirectory)
	c.string(&f.DataDirectory)
	c.string(&f.DaemonDirectory)
	c.account(&f.MailOwner)
	c.string(&f.InetInterfaces)
	c.string(&f.InetProtocols)
	c.string(&f.DebuggerCommand)
	list(c, &f.Environment, func(e *EnvironmentItem) {
		c.string(&e.Name)
		c.string(&e.Value)
		c.bool(&e.Set)
	})
	c.string(&f.Log.Name)
	number(c, &f.Log.Facility)
	c.string(&f.Log.File)
	c.string(&f.Log.PostlogPath)
	c.string(&f.Log.Hostname)
	c.bool(&f.Log.AllowUnicode)
	list(c, &f.Services, c.serviceConfig)
	list(c, &f.Diagnostics, c.diagnostic)
	c.bool(&f.ReloadClearsThrottle)
	c.string(&f.JournalFile)
	number(c, &f.JournalLimit)
}
