package child

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	machine "github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/wire"
)

// known returns the options of a skeleton, without and with an argument, as in the
// table of spec child, 3.
func known(k machine.Skeleton) (without, with string) {
	without, with = "cdDluvVz", "imnost"
	switch k {
	case machine.Single, machine.EventDriven:
		return without + "S", with + "r"
	case machine.Multi, machine.Trigger:
		return without + "S", with
	}
	return without, with
}

// getopt yields the options of a command line one at a time, with the two cursors
// of the C library: the word, and the letter in it.
type getopt struct {
	words         []string
	word, letter  int
	without, with string
}

// next returns an option and its argument; 0 at the end, and bad with an option
// that is unknown or lacks its argument.
func (g *getopt) next() (letter byte, argument string, bad bool) {
	if g.letter == 0 {
		if g.word >= len(g.words) || len(g.words[g.word]) < 2 || g.words[g.word][0] != '-' {
			return 0, "", false
		}
		if g.words[g.word] == "--" {
			g.word++
			return 0, "", false
		}
		g.letter = 1
	}
	w := g.words[g.word]
	letter = w[g.letter]
	if g.letter++; g.letter == len(w) {
		g.word, g.letter = g.word+1, 0
	}
	switch {
	case strings.IndexByte(g.without, letter) >= 0:
		return letter, "", false
	case strings.IndexByte(g.with, letter) < 0:
		return letter, "", true
	case g.letter > 0:
		argument = w[g.letter:]
		g.word, g.letter = g.word+1, 0
		return letter, argument, false
	case g.word == len(g.words):
		return letter, "", true
	}
	g.word++
	return letter, g.words[g.word-1], false
}

// positive parses a number above zero as the library does.
func positive(text string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n > 0 && n <= most
}

// expected parses a command line by the model. The error is the fatal line.
func expected(argv []string, k machine.Skeleton) (o options, fatal string) {
	o.listeners = 1
	o.service = argv[0][strings.LastIndex(argv[0], "/")+1:]
	g := getopt{words: argv[1:]}
	g.without, g.with = known(k)
	for {
		letter, value, bad := g.next()
		if bad {
			return o, "invalid option: " + string(rune(letter))
		}
		switch letter {
		case 0:
			o.args = g.words[g.word:]
			return o, ""
		case 'o':
			name, rest, found := strings.Cut(value, "=")
			if name = strings.Trim(name, " \t\n\v\f\r"); !found || name == "" || strings.ContainsAny(name, " \t\n\v\f\r") {
				return o, "invalid \"-o " + value + "\" option value: "
			}
			o.overrides = append(o.overrides, config.Override{Name: name, Value: strings.Trim(rest, " \t\n\v\f\r")})
		case 'i':
			o.overrides = append(o.overrides, config.Override{Name: "max_idle", Value: value})
		case 'm':
			o.overrides = append(o.overrides, config.Override{Name: "max_use", Value: value})
		case 'n':
			o.service = value
		case 'r':
			n, ok := positive(value, 1<<31-1)
			if !ok {
				return o, "invalid retirement time: " + value
			}
			o.retireAfter = core.Duration(n) * core.Second
		case 's':
			n, ok := positive(value, maxListeners)
			if !ok {
				return o, "invalid socket_count: " + value
			}
			o.listeners = int(n)
		case 't':
			o.transport = strings.ToLower(value)
		default:
			o.setFlag(letter)
		}
	}
}

// FuzzServerCommandLine parses the command lines of servers: what the model of
// getopt accepts is accepted with the same meaning, and what it refuses is refused
// with the words of spec child, 3.
func FuzzServerCommandLine(f *testing.F) {
	for _, text := range []string{
		"smtpd\n-n\nsmtp\n-t\ninet\n-u\n-c\n-o\nstress=\n-s\n2", "/usr/lib/x/pickup\n-lvtFIFO\n-Vdv", "d\n-z\n-m5\n-i\n6\n--\n-u", "d\n-D\n-S\n-r\n9\nword\n-u",
		"d\n-", "d\n-:", "d\n-n", "d\n-s\n-1", "d\n-s\n70000", "d\n-r\n1x", "d\n-o\n=x", "d\n-o\n a = b = c ", "d\n-oa b=c", "", "\n-s0", "d\n-o\na",
		"d\n-t\nunix-dgram\n-l", "d\n-tpass\n-z", "d\n-t\nudp", "d\n-r2147483648", "d\n-s+2", "d\n-n\n\n-t\nunix",
	} {
		for k := range byte(5) {
			f.Add(text, k)
		}
	}
	f.Fuzz(func(t *testing.T, text string, skeleton byte) {
		argv := strings.Split(text, "\n")
		k := machine.Single + machine.Skeleton(skeleton%byte(machine.Datagram))
		want, fatal := expected(argv, k)
		got, err := parseOptions(argv, k)
		if fatal != "" {
			if err == nil || !strings.HasPrefix(err.Error(), fatal) {
				t.Fatalf("%v %q: got %v, want %q", k, argv, err, fatal)
			}
			return
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v %q:\n got %+v, %v\nwant %+v", k, argv, got, err, want)
		}
		serves := map[machine.Skeleton]string{machine.Trigger: " unix fifo pass ", machine.Datagram: " unix-dgram "}[k]
		if serves == "" {
			serves = " inet unix pass "
		}
		taken := want.transport != "" && !strings.Contains(want.transport, " ") && strings.Contains(serves, " "+want.transport+" ")
		if (got.checkTransport(k) == nil) != taken {
			t.Fatalf("%v, transport %q: got %v", k, got.transport, got.checkTransport(k))
		}
		demands := map[Limit]bool{AnyLimit: true, LimitOne: want.alone || want.standard, NoLimit: want.unlimited || want.standard}
		for limit, met := range demands {
			for _, privileged := range []bool{false, true} {
				err := got.checkDemands(&Server{Limit: limit, Privileged: privileged})
				if (err == nil) != (met && !(privileged && want.unprivileged)) {
					t.Fatalf("%q, limit %d, privileged %v: got %v", argv, limit, privileged, err)
				}
			}
		}
	})
}

// FuzzMasterCommandLine passes what a master says of a service to the server
// through a command line, and expects the server to read the same.
func FuzzMasterCommandLine(f *testing.F) {
	f.Add("smtpd", "smtp", "inet", uint16(0x3f), int32(100), uint8(2), "-o\na=b", uint32(8))
	f.Add("x/echo", "echo", "unix", uint16(0), int32(1), uint8(1), "", uint32(0))
	f.Add("foo/", "foo", "fifo", uint16(4), int32(0), uint8(0), "word\n-u", uint32(1<<32-1))
	f.Add("", "127.0.0.1:25", "pass", uint16(0x15), int32(-1), uint8(200), "--\n-v", uint32(7))
	f.Add("-v", "-u", "unix-dgram", uint16(0x2a), int32(1), uint8(9), "-v", uint32(1<<31))
	f.Fuzz(func(t *testing.T, command, service, transport string, flags uint16, limit int32, listeners uint8, args string, generation uint32) {
		flag := func(i int) bool { return flags>>i&1 != 0 }
		line := wire.CommandLine{
			Command: command, Service: service, Transport: transport, ProcessLimit: limit, Foreground: flag(0), Verbose: flag(1),
			Unprivileged: flag(2), Chroot: flag(3), StressAware: flag(4), Stress: flag(5), Listeners: int(listeners),
		}
		if args != "" {
			line.Args = strings.Split(args, "\n")
		}
		argv := line.Argv()
		own := len(line.Args)
		if !slices.Equal(argv[len(argv)-own:], line.Args) || argv[0] != command {
			t.Fatalf("%q", argv)
		}
		o, err := parseOptions(argv[:len(argv)-own], machine.Single)
		if err != nil {
			t.Fatalf("%q: %v", argv, err)
		}
		want := options{
			service: service, transport: strings.ToLower(transport), foreground: flag(0), unprivileged: flag(2), chroot: flag(3),
			alone: limit == 1, unlimited: limit == 0, listeners: max(1, int(listeners)), args: []string{},
		}
		if flag(1) {
			want.verbose = 1
		}
		if flag(4) {
			stress := config.Override{Name: "stress"}
			if flag(5) {
				stress.Value = "yes"
			}
			want.overrides = []config.Override{stress}
		}
		// A command that ends in a slash is a name for the master and none for a
		// server, which was given it with -n (spec config, 5.7).
		if !reflect.DeepEqual(o, want) && !(strings.HasSuffix(command, "/") && service == command[strings.LastIndex(command[:len(command)-1], "/")+1:]) {
			t.Fatalf("%q:\n got %+v\nwant %+v", argv, o, want)
		}
		if g, ok := wire.ParseGeneration(wire.FormatGeneration(generation)); !ok || g != generation {
			t.Fatalf("generation %d becomes %d, %v", generation, g, ok)
		}
		if g, ok := wire.ParseGeneration(service); ok && wire.FormatGeneration(g) != strings.TrimLeft(service[:len(service)-1], "0")+service[len(service)-1:] {
			t.Fatalf("%q is generation %d", service, g)
		}
	})
}

// inPieces returns its bytes in pieces of changing length.
type inPieces struct {
	b    []byte
	cuts []byte
	turn int
}

func (p *inPieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := len(p.b)
	if len(p.cuts) > 0 {
		n = 1 + int(p.cuts[p.turn%len(p.cuts)])
		p.turn++
	}
	n = copy(b, p.b[:min(n, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// attributes parses the same by splitting the whole at its NULs.
func attributes(b []byte) (list []Attribute, err error) {
	texts := bytes.Split(b[:min(len(b), maxAttributeBytes)], []byte{0})
	texts = texts[:len(texts)-1] // without an end
	for i := 0; i < len(texts); i += 2 {
		switch {
		case len(list) == maxAttributes:
			return nil, errTooManyAttributes
		case len(texts[i]) == 0:
			return list, nil
		case i+1 == len(texts):
			return nil, io.ErrUnexpectedEOF
		}
		list = append(list, Attribute{string(texts[i]), string(texts[i+1])})
	}
	if len(list) == maxAttributes {
		return nil, errTooManyAttributes
	}
	return nil, io.ErrUnexpectedEOF
}

// FuzzAttributes parses the attributes of a passed connection, cut anywhere: the
// list is that of attributes, and memory is bounded.
func FuzzAttributes(f *testing.F) {
	for _, text := range []string{
		"\x00", "", "name\x00mail.example.com\x00port\x0025\x00\x00", "name\x00cut off", "a\x00\x00\x00rest", "\xff\x00\n\x00\x00", "a\x00b\x00",
		strings.Repeat("n\x00v\x00", maxAttributes-1) + "\x00", strings.Repeat("n\x00v\x00", maxAttributes+1) + "\x00", strings.Repeat("n", 5000) + "\x00v\x00\x00",
	} {
		f.Add([]byte(text), []byte{})
		f.Add([]byte(text), []byte{0, 3, 200})
	}
	f.Fuzz(func(t *testing.T, b, cuts []byte) {
		sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
		metrics.Read(sample)
		before := sample[0].Value.Uint64()
		got, err := readAttributes(&inPieces{b: b, cuts: cuts})
		metrics.Read(sample)
		if took := sample[0].Value.Uint64() - before; took > uint64(1<<20+100*len(b)) {
			t.Fatalf("%d bytes made it take %d bytes of memory", len(b), took)
		}
		want, wantErr := attributes(b)
		if !errors.Is(err, wantErr) || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %q, %v; want %q, %v", got, err, want, wantErr)
		}
		c := Conn{Attributes: got}
		for i := range want {
			first := slices.IndexFunc(want, func(a Attribute) bool { return a.Name == want[i].Name })
			if c.Attribute(want[i].Name) != want[first].Value {
				t.Fatalf("attribute %q is %q", want[i].Name, c.Attribute(want[i].Name))
			}
			if i == 20 {
				break
			}
		}
	})
}

// openDescriptors returns the set of the open ones among the first descriptors.
func openDescriptors() (set [4]uint64) {
	for fd := range len(set) * 64 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			set[fd/64] |= 1 << (fd % 64)
		}
	}
	return set
}

// FuzzPassedConnection passes what its bytes choose: data with any number of
// descriptors of several kinds, then anything. The result is a connection or an
// error; no descriptor is leaked.
func FuzzPassedConnection(f *testing.F) {
	for _, kinds := range []string{"", "\x00", "\x01", "\x02", "\x03", "\x00\x00", "\x02\x00\x01", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
		f.Add([]byte(kinds), []byte("x"), []byte("name\x00value\x00\x00"), true)
		f.Add([]byte(kinds), []byte("xy"), []byte("name\x00value"), false)
		f.Add([]byte(kinds), []byte{}, []byte{}, true)
	}
	f.Fuzz(func(t *testing.T, kinds, data, after []byte, wanted bool) {
		if len(data)+len(after) > 30_000 {
			return // more than a socket takes at once
		}
		before := openDescriptors()
		judgePassed(t, kinds, data, after, wanted)
		if now := openDescriptors(); now != before {
			t.Fatalf("open before: %x, after: %x", before, now)
		}
	})
}

// maxPassed is the largest number of descriptors passed.
const maxPassed = 12

func judgePassed(t *testing.T, kinds, data, after []byte, wanted bool) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	passed, rest := descriptors(t, kinds[:min(len(kinds), maxPassed)])
	sent := len(data) > 0
	if sent {
		var rights []byte
		if len(passed) > 0 {
			rights = unix.UnixRights(passed...)
		}
		if err := unix.Sendmsg(ends[0], data, rights, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if len(after) > 0 {
		if _, err := unix.Write(ends[0], after); err != nil {
			t.Fatal(err)
		}
	}
	for _, fd := range append(append(passed, rest...), ends[0]) {
		_ = unix.Close(fd)
	}
	c, err := receivePassed(ends[1], wanted)
	var list []Attribute
	wantErr := error(nil)
	if wanted && sent {
		list, wantErr = attributes(append(data[1:], after...))
	}
	good := sent && len(passed) > 0 && wantErr == nil
	if (err == nil) != good {
		t.Fatalf("got %v; %d descriptors, attributes %v", err, len(passed), wantErr)
	}
	if err != nil {
		return
	}
	if !reflect.DeepEqual(c.Attributes, list) {
		t.Fatalf("got %q, want %q", c.Attributes, list)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// descriptors opens one of each kind, and returns what else was opened in rest.
func descriptors(t *testing.T, kinds []byte) (list, rest []int) {
	t.Helper()
	for _, kind := range kinds {
		var pair [2]int
		var err error
		switch kind % 4 {
		case 0:
			pair, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		case 1:
			pair, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		case 2:
			err = unix.Pipe(pair[:])
		case 3:
			if pair[0], err = unix.Open(os.DevNull, unix.O_RDWR, 0); err == nil {
				pair[1], err = unix.Dup(pair[0])
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		list, rest = append(list, pair[0]), append(rest, pair[1])
	}
	return list, rest
}
