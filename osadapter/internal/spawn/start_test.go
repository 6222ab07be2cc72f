package spawn

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// fakeKernel records what it is asked to start.
type fakeKernel struct {
	step    core.StartStep
	err     core.Errno
	started *sys.Process
}

func (k *fakeKernel) Start(p *sys.Process) (sys.Launch, core.StartStep, core.Errno) {
	k.started = p
	return sys.Launch{PID: 4711}, k.step, k.err
}

func request() *Request {
	return &Request{
		Entry: &core.ServiceConfig{
			Name: "smtp", Type: core.Inet, ProcessLimit: 100, Command: "smtpd",
			Path: "/usr/lib/mail/smtpd", SwitchIdentity: true,
		},
		Generation: 1<<32 + 8, Stress: true, FlowRead: 8, FlowWrite: 9, Status: 21,
		Listeners: []sys.FD{12, 11}, Environ: []string{"LANG=C", "GENERATION=99", "MAIL_LOGTAG=postfix"},
		Patience: core.Second,
	}
}

func TestChildIsAskedForAsTheContractSays(t *testing.T) {
	k := &fakeKernel{}
	r := request()
	spare := append(make([]string, 0, 8), r.Environ...) // spare capacity that Start must not write to
	r.Environ = spare
	child, step, e := new(Starter).Start(k, r)
	if e != 0 || step != core.StartNone || child.PID != 4711 {
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
}

// Start returns the kernel's result of a start, and the process that exists in spite
// of an error.
func TestFailedStartIsToldWithItsStep(t *testing.T) {
	for _, k := range []fakeKernel{
		{step: core.StartFork, err: core.EAGAIN},
		{step: core.StartExec, err: core.ENOENT},
		{err: core.EINPROGRESS},
	} {
		child, step, e := new(Starter).Start(&k, request())
		if e != k.err || step != k.step || child.PID != 4711 {
			t.Errorf("%+v, step %d, %v; want step %d, %v", child, step, e, k.step, k.err)
		}
	}
}

func TestFilesKeepTheOrderOfListeners(t *testing.T) {
	got := appendFiles(nil, &Request{FlowRead: 8, FlowWrite: 9, Status: 4, Listeners: []sys.FD{7, 6, 5}})
	if want := []sys.FD{0, 1, 2, 8, 9, 4, 7, 6, 5}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
