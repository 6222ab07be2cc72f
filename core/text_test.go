package core

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestEventsTellTheFieldsOfTheirKind(t *testing.T) {
	status := [wire.StatusSize]byte{1, 2, 0xff}
	for _, x := range []struct {
		ev   Event
		want string
	}{
		{ConfigLoadedEvent(3, conf(unix("a", 1), unix("b", 1))), "config-loaded request=3 services=2"},
		{ConfigRejectedEvent(3, &Config{}), "config-rejected request=3 services=0"},
		{ConfigLoadedEvent(3, nil), "config-loaded request=3"},
		{SignalReceivedEvent(1), "signal-received signal=1"},
		{ListenerOpenedEvent(1, 2), "listener-opened service=1 listener=2"},
		{ListenerFailedEvent(1, 2, StepBind, EADDRINUSE), `listener-failed service=1 listener=2 step=6 errno="Address already in use"`},
		{ListenerReadyEvent(1), "listener-ready service=1"},
		{ChildStartedEvent(1, 2, 3), "child-started service=1 generation=2 pid=3"},
		{ChildStartFailedEvent(1, 2, StartFork, EAGAIN), `child-start-failed service=1 generation=2 start=2 errno="Resource temporarily unavailable"`},
		{StatusReceivedEvent(1, status, 3), `status-received generation=1 bytes="0102ff"`},
		{StatusReceivedEvent(1, status, 200), `status-received generation=1 bytes="0102ff000000000000000000"`},
		{ChildChannelClosedEvent(1), "child-channel-closed generation=1"},
		{ChildExitedEvent(1, 2, ExitedWith(3)), `child-exited generation=1 pid=2 status="exit status 3"`},
		{ChildExitedEvent(1, 2, KilledBy(9)), `child-exited generation=1 pid=2 status="killed by signal 9"`},
		{ChildStoppedEvent(1, 2, 19), "child-stopped generation=1 pid=2 signal=19"},
		{WakeupSentEvent(1), "wakeup-sent request=1"},
		{WakeupFailedEvent(1, ECONNREFUSED), `wakeup-failed request=1 errno="Connection refused"`},
		{WakeupClosedEvent(1), "wakeup-closed request=1"},
		{TimerExpiredEvent(), "timer-expired"},
		{Event{Kind: numEventKinds, Service: 1}, "unknown"},
	} {
		if got := string(x.ev.AppendText(nil)); got != x.want {
			t.Errorf("got  %s\nwant %s", got, x.want)
		}
	}
}

func TestActionsOfUnknownKindsAndListenersHaveAText(t *testing.T) {
	s := unix("a", 1)
	for _, x := range []struct {
		a    Action
		want string
	}{
		{Action{Kind: numActionKinds, Service: 1}, "unknown"},
		{Action{Kind: OpenListener, Entry: &s, Listener: 1}, `open-listener service=0 listener=1 entry="private/a/unix"`},
		{Action{Kind: OpenListener}, "open-listener service=0 listener=0"},
	} {
		if got := string(x.a.AppendText(nil)); got != x.want {
			t.Errorf("got  %s\nwant %s", got, x.want)
		}
	}
}

func TestListenerThatCannotBeHadIsToldAsTheOriginalDoes(t *testing.T) {
	const busy = "Device or resource busy"
	for _, x := range []struct {
		kind ServiceType
		step ListenStep
		want string
	}{
		{Unix, StepName, "unix-domain name too long: private/a"},
		{UnixDatagram, StepName, "unix_dgram_listen: unix-domain name too long: private/a"},
		{Unix, StepSocket, "socket: " + busy},
		{Unix, StepOption, "setsockopt: " + busy},
		{Unix, StepRemove, "remove private/a: " + busy},
		{UnixDatagram, StepRemove, "remove private/a: " + busy},
		{FIFO, StepRemove, "fifo_listen: remove private/a: " + busy},
		{Unix, StepAside, "cannot rename private/a aside to free the path for another service (" + busy + ")"},
		{Unix, StepBind, "bind: private/a: " + busy},
		{Inet, StepBind, "bind 0.0.0.0 port 25: " + busy},
		{Unix, StepMode, "chmod socket private/a: " + busy},
		{FIFO, StepMode, "fifo_listen: fchmod private/a: " + busy},
		{Unix, StepListen, "listen: " + busy},
		{FIFO, StepCreate, "fifo_listen: create fifo private/a: " + busy},
		{FIFO, StepOpen, "fifo_listen: open private/a: " + busy},
		{FIFO, StepStat, "fifo_listen: fstat private/a: " + busy},
		{FIFO, StepNotFIFO, "fifo_listen: private/a is not a fifo"},
		{Unix, StepGroup, "set_eugid: setegid(105): " + busy},
		{Unix, StepGroups, "set_eugid: setgroups(105): " + busy},
		{Unix, StepUser, "set_eugid: seteuid(102): " + busy},
		{Unix, StepDescriptors, "cannot watch private/a for clients (" + busy + ")"},
	} {
		s := unix("a", 1)
		if x.kind == Inet {
			s = inet(25, 1)
		}
		s.Type, s.Owner = x.kind, Account{Name: "postfix", UID: 102, GID: 105}
		a := Action{Kind: Log, Code: LogListenFailed, Entry: &s, ListenStep: x.step, Errno: EBUSY}
		if got := a.Message(); got != x.want {
			t.Errorf("%v, step %d: got %q, want %q", x.kind, x.step, got, x.want)
		}
	}
}

func TestRemedyFitsTheError(t *testing.T) {
	s := unix("a", 1)
	for e, want := range map[Errno]string{
		EADDRINUSE: "another program", EADDRNOTAVAIL: "no local interface", EISDIR: "there is a directory",
		EACCES: "permission denied", EPERM: "permission denied", EMFILE: "no descriptors", ENFILE: "no descriptors",
		ENOENT: "directory is missing", ENOTDIR: "directory is missing", EROFS: "full or read-only", ENOSPC: "full or read-only",
		EBUSY: "remove the cause of this error",
	} {
		a := Action{Kind: Log, Code: LogListenRemedy, Entry: &s, Config: conf(), ListenStep: StepBind, Errno: e}
		if got := a.Message(); !strings.Contains(got, want) {
			t.Errorf("%v: got %q, want %q in it", e, got, want)
		}
		a.ListenStep = StepName
		if got := a.Message(); !strings.Contains(got, "shorten the service name") {
			t.Errorf("name too long, %v: got %q", e, got)
		}
	}
}
