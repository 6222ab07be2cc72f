package fuzz

import (
	"bytes"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

const (
	mainPath   = "/c/main.cf"
	masterPath = "/c/master.cf"
)

// loaded is a configuration after all needs were answered.
type loaded struct {
	main       *config.MainFile
	master     *config.MasterFile
	parameters *config.Parameters
	result     config.Resolution
}

func load(t *testing.T, main, master []byte, in conditions, frozen *config.Frozen) loaded {
	t.Helper()
	l := loaded{main: config.ParseMain(mainPath, main), master: config.ParseMaster(masterPath, master)}
	options, f, flags := config.EvaluateOptions{Frozen: frozen, Overrides: in.overrides()}, in.facts(), in.flags()
	l.parameters = config.Evaluate(l.main, f, options)
	for round := 0; !l.parameters.Needs.Empty(); round++ {
		if round == maxRounds {
			t.Fatalf("the answers always raise new questions: %+v", l.parameters.Needs)
		}
		answer(f, l.parameters.Needs)
		l.parameters = config.Evaluate(l.main, f, options)
	}
	l.result = config.Resolve(l.parameters, l.master, f, flags)
	for round := 0; !l.result.Needs.Empty(); round++ {
		if round == maxRounds {
			t.Fatalf("the answers always raise new questions: %+v", l.result.Needs)
		}
		answer(f, l.result.Needs)
		l.result = config.Resolve(l.parameters, l.master, f, flags)
	}
	return l
}

// allocated calls a function and returns how many bytes it allocated.
func allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The bounds of reading two texts: bytes of memory, and time of all cores.
const (
	maxAllocated        = 128 << 20
	maxAllocatedPerByte = 1000
	maxTime             = 5 * time.Second
)

// cpuTime returns the CPU time of this process: on a busy machine the clock would
// mislead.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// judge checks everything that holds for any two texts.
func judge(t *testing.T, main, master []byte, in conditions) {
	t.Helper()
	var l loaded
	start := cpuTime(t)
	took := allocated(func() { l = load(t, main, master, in, nil) })
	if limit := uint64(maxAllocated + maxAllocatedPerByte*(len(main)+len(master))); took > limit {
		t.Fatalf("%d bytes of text made it allocate %d", len(main)+len(master), took)
	}
	if took := cpuTime(t) - start; took > maxTime {
		t.Fatalf("%d bytes of text took %v", len(main)+len(master), took)
	}
	if got := l.main.Print(); !bytes.Equal(got, main) {
		t.Fatalf("main.cf: got %q, want %q", got, main)
	}
	if got := l.master.Print(); !bytes.Equal(got, master) {
		t.Fatalf("master.cf: got %q, want %q", got, master)
	}
	for i := range l.master.Entries {
		if len(l.master.Entries[i].Fields) > config.NumColumns {
			t.Fatalf("%d columns", len(l.master.Entries[i].Fields))
		}
	}
	remarks(t, &l, main, master)
	again := load(t, main, master, in, nil)
	if !reflect.DeepEqual(l.result, again.result) {
		t.Fatalf("the same texts gave %+v and then %+v", l.result.Config, again.result.Config)
	}
	values(t, &l)
	operate(t, &l, main, master, in)
}

// remarks checks that every diagnostic has a place, and every refusal an error.
func remarks(t *testing.T, l *loaded, main, master []byte) {
	t.Helper()
	refused := false
	for _, d := range l.result.Config.Diagnostics {
		refused = refused || d.Severity == core.Error
		placed(t, &d, main, master)
	}
	if l.result.OK == refused || l.result.OK && !l.parameters.OK() {
		t.Fatalf("accepted %v, with %+v", l.result.OK, l.result.Config.Diagnostics)
	}
}

// placed checks that the place of a diagnostic is inside its file.
func placed(t *testing.T, d *core.Diagnostic, main, master []byte) {
	t.Helper()
	if d.Text == "" || d.Severity < core.Info || d.Severity > core.Error {
		t.Fatalf("%+v", *d)
	}
	text := main
	switch d.File {
	case mainPath:
	case masterPath:
		text = master
	default:
		t.Fatalf("no file: %+v", *d)
	}
	if d.Line == 0 && d.Column == 0 && d.File == mainPath {
		return // about a default
	}
	lines := bytes.Split(text, []byte{'\n'})
	if d.Line < 1 || int(d.Line) > len(lines) || d.Column < 1 || int(d.Column) > len(lines[d.Line-1])+1 {
		t.Fatalf("not in the file: %+v", *d)
	}
}

// values looks up any name in the file, read by the master or not, in
// every form that a program may want.
func values(t *testing.T, l *loaded) {
	t.Helper()
	p := l.parameters
	for i := range min(len(l.main.Entries), 50) {
		name := l.main.Entries[i].Name
		text, err := p.Value(name)
		if raw, _, _ := p.Raw(name); len(text) > len(raw) && len(text) > 16<<20 {
			t.Fatalf("%s has %d bytes", name, len(text))
		}
		if err != nil {
			if err.Error() == "" {
				t.Fatalf("%s: an error without a word", name)
			}
			continue
		}
		if n, err := p.Int(name, 7, 5, 1000); err == nil && (n < 5 || n > 1000) {
			t.Fatalf("%s = %q is the number %d", name, text, n)
		}
		if d, err := p.Time(name, "3s", 1, 100); err == nil && (d < core.Second || d > 100*core.Second) {
			t.Fatalf("%s = %q is the time %d", name, text, d)
		}
		if word, err := p.String(name, "$myhostname", 1, 10); err == nil && (len(word) < 1 || len(word) > 10) {
			t.Fatalf("%s = %q is the text %q", name, text, word)
		}
		yes, err := p.Bool(name, true)
		no, other := p.Bool(name, false)
		if (err == nil) != (other == nil) || err == nil && yes != no {
			t.Fatalf("%s = %q is %v and %v", name, text, yes, no)
		}
	}
	if !l.result.OK {
		return
	}
	for _, path := range []string{p.QueueDirectory(), p.DataDirectory(), p.DaemonDirectory()} {
		if path == "" {
			t.Fatal("an accepted configuration has no directories")
		}
	}
}

// operate starts a machine with the configuration, which may be refused, sends a
// client to each service and reloads: the same text again changes nothing. After
// that the machine must accept or refuse another main.cf.
func operate(t *testing.T, l *loaded, main, master []byte, in conditions) {
	t.Helper()
	h := newHonest(t, core.MachineOptions{})
	if !l.result.OK {
		h.step(core.ConfigRejectedEvent(0, l.result.Config))
		if !h.m.View().Exited {
			t.Fatal("a refused configuration does not end the start")
		}
		return
	}
	if fault := core.ConfigFault(l.result.Config); fault != "" {
		t.Fatal(fault)
	}
	commands(t, l.result.Config)
	h.step(core.ConfigLoadedEvent(0, l.result.Config))
	if view := h.m.View(); view.Exited || len(view.Services) != len(l.result.Config.Services) {
		t.Fatalf("of %d services %d run; ended: %v", len(l.result.Config.Services), len(view.Services), view.Exited)
	}
	h.serve()
	frozen := l.parameters.Freeze()
	next := load(t, main, master, in, frozen)
	if !next.result.OK {
		t.Fatalf("the same text is refused at a reload: %+v", next.result.Config.Diagnostics)
	}
	p := pair{honest: h}
	p.same(l.result.Config, next.result.Config)
	p.bury()
	h.serve()
	other := in.beside(besideMaster)
	last := load(t, other, master, in, frozen)
	remarks(t, &last, other, master)
	if last.result.OK {
		h.reload(last.result.Config)
		p.bury()
		h.serve()
	}
}

// commands checks the command line of each service.
func commands(t *testing.T, c *core.Config) {
	t.Helper()
	for i := range c.Services {
		s := &c.Services[i]
		argv := s.Argv(len(s.Endpoints), true)
		if len(argv) == 0 || argv[0] != s.Command || len(argv) < 1+len(s.Args) {
			t.Fatalf("%s is started as %q, with the arguments %q", s.Path, argv, s.Args)
		}
		for _, word := range argv {
			if strings.IndexByte(word, 0) >= 0 {
				t.Fatalf("%s has a NUL byte in %q", s.Path, argv)
			}
		}
		if dump := config.DumpService(s); len(dump) < len(argv) {
			t.Fatalf("%d lines about %q", len(dump), argv)
		}
	}
}

// serve sends a client to each service.
func (h *honest) serve() {
	h.t.Helper()
	for _, service := range h.m.View().Services {
		h.took = h.took[:0]
		h.step(core.ListenerReadyEvent(service.ID))
		if service.Watching && h.countActions()[core.StartChild] == 0 {
			h.t.Fatalf("no child is started for a client: %+v", service)
		}
	}
}

func FuzzMainText(f *testing.F) {
	for _, text := range mainTexts {
		f.Add([]byte(text), uint16(0))
	}
	for bit := systemShortName; bit <= lineOverride; bit <<= 1 {
		for _, text := range []string{stockMain, "mydomain = $x\n", "inet_protocols = all\nmyorigin = /etc/mailname\n", "debugger_command = $x\n"} {
			f.Add([]byte(text), uint16(bit))
		}
	}
	seed(f, func(main, _ string) string { return main })
	f.Fuzz(func(t *testing.T, text []byte, how uint16) {
		judge(t, text, conditions(how).beside(besideMain), conditions(how))
	})
}

func FuzzMasterText(f *testing.F) {
	for _, text := range masterTexts {
		f.Add([]byte(text), uint16(0))
	}
	seed(f, func(_, master string) string { return master })
	f.Fuzz(func(t *testing.T, text []byte, how uint16) {
		judge(t, conditions(how).beside(besideMaster), text, conditions(how))
	})
}
