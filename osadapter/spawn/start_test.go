package spawn

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// fakeKernel notes what it is asked to start and what is open.
type fakeKernel struct {
	open    map[sys.FD]bool
	pairErr core.Errno
	step    core.StartStep
	err     core.Errno
	started *sys.Process
}

func (k *fakeKernel) StatusPair() (ours, theirs sys.FD, e core.Errno) {
	if k.pairErr != 0 {
		return sys.None, sys.None, k.pairErr
	}
	k.open = map[sys.FD]bool{20: true, 21: true}
	return 20, 21, 0
}

func (k *fakeKernel) Start(p *sys.Process) (sys.Launch, core.StartStep, core.Errno) {
	k.started = p
	return sys.Launch{PID: 4711}, k.step, k.err
}

func (k *fakeKernel) Close(fd sys.FD) core.Errno {
	if !k.open[fd] {
		panic("close of a descriptor that is not open")
	}
	delete(k.open, fd)
	return 0
}

func request() *Request {
	return &Request{
		Entry: &core.ServiceConfig{
			Name: "smtp", Type: core.Inet, ProcessLimit: 100, Command: "smtpd",
			Path: "/usr/lib/mail/smtpd", SwitchIdentity: true,
		},
		Generation: 1<<32 + 8, Stress: true, FlowRead: 8, FlowWrite: 9,
		Listeners: []sys.FD{12, 11}, Environ: []string{"LANG=C", "GENERATION=99", "MAIL_LOGTAG=postfix"},
		Patience: core.Second,
	}
}

func TestChildIsAskedForAsTheContractSays(t *testing.T) {
	k := &fakeKernel{}
	r := request()
	spare := append(make([]string, 0, 8), r.Environ...) // room to write into by mistake
	r.Environ = spare
	child, step, e := new(Starter).Start(k, r)
	if e != 0 || step != core.StartNone || child.PID != 4711 || child.Status != 20 {
		t.Fatalf("%+v, step %d, %v", child, step, e)
	}
	want := &sys.Process{
		Path:  "/usr/lib/mail/smtpd",
		Argv:  []string{"smtpd", "-n", "smtp", "-t", "inet", "-o", "stress=yes", "-s", "2"},
		Env:   []string{"LANG=C", "MAIL_LOGTAG=postfix", "GENERATION=10"},
		Files: []sys.FD{0, 1, 2, 8, 9, 21, 12, 11},
		Root:  true, Patience: core.Second,
	}
	if !reflect.DeepEqual(k.started, want) {
		t.Errorf("started %+v\nwant    %+v", k.started, want)
	}
	if spare[:4][3] != "" {
		t.Error("wrote into the caller's environment")
	}
	if len(k.open) != 1 || !k.open[20] {
		t.Errorf("open: %v; want our end of the channel alone", k.open)
	}
}

// Whatever comes of a start, nothing is left open but our end of the channel.
func TestFailedStartLeavesOurEndAlone(t *testing.T) {
	for _, test := range []struct {
		kernel fakeKernel
		step   core.StartStep
		errno  core.Errno
		child  Child
		open   map[sys.FD]bool
	}{
		{fakeKernel{pairErr: core.EMFILE}, core.StartChannel, core.EMFILE, Child{Status: sys.None}, nil},
		{fakeKernel{step: core.StartFork, err: core.EAGAIN}, core.StartFork, core.EAGAIN, theChild, ours},
		{fakeKernel{step: core.StartExec, err: core.ENOENT}, core.StartExec, core.ENOENT, theChild, ours},
		{fakeKernel{err: core.EINPROGRESS}, core.StartNone, core.EINPROGRESS, theChild, ours},
	} {
		child, step, e := new(Starter).Start(&test.kernel, request())
		if e != test.errno || step != test.step || child != test.child {
			t.Errorf("%+v, step %d, %v; want %+v, step %d, %v", child, step, e, test.child, test.step, test.errno)
		}
		if !maps.Equal(test.kernel.open, test.open) {
			t.Errorf("%v: left open %v, want %v", test.errno, test.kernel.open, test.open)
		}
	}
}

var (
	theChild = Child{sys.Launch{PID: 4711}, 20}
	ours     = map[sys.FD]bool{20: true}
)

func TestFilesKeepTheOrderOfListeners(t *testing.T) {
	got := appendFiles(nil, &Request{FlowRead: 8, FlowWrite: 9, Listeners: []sys.FD{7, 6, 5}}, 4)
	if want := []sys.FD{0, 1, 2, 8, 9, 4, 7, 6, 5}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
