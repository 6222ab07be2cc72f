package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
)

// cutJournal returns a journal of five steps, and the same without the last byte,
// so that four are whole.
func cutJournal(t *testing.T) (whole, cut []byte) {
	t.Helper()
	w, m := trace.NewWriter(), core.New(0, core.MachineOptions{})
	w.Snapshot(m)
	entry := core.ServiceConfig{
		Name: "a", Canonical: "private/a", Type: core.Unix, Line: 1, LocalOnly: true,
		Endpoints: []core.Endpoint{{Path: "private/a"}}, Command: "a", Path: "/a", ThrottleDelay: core.Second,
	}
	for i, ev := range []core.Event{
		core.ConfigLoadedEvent(0, &core.Config{MailVersion: "3.7.11", Services: []core.ServiceConfig{entry}}), core.ListenerOpenedEvent(1, 0),
		core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 1, 4001), core.SignalReceivedEvent(core.SIGTERM),
	} {
		now := core.Time(int64(i+1) * int64(core.Second))
		w.Event(now, &ev)
		w.Actions(m.Step(now, ev))
	}
	whole = w.Bytes()
	return whole, whole[:len(whole)-1]
}

func TestJournalThatBreaksOffIsTakenAsFarAsItIsWhole(t *testing.T) {
	dir := t.TempDir()
	path, fork := filepath.Join(dir, "cut"), filepath.Join(dir, "fork")
	_, cut := cutJournal(t)
	write(t, path, string(cut))
	note := fmt.Sprintf("mastersim: %s breaks off after 4 steps (byte ", path)
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"replay", path}, exitUsage, "4 steps, the same actions in each\n"},
		{[]string{"replay", path, "-text"}, exitUsage, "child-started"},
		{[]string{"replay", path, "-fork", "3", "-seeds", "2", "-steps", "20", "-write", fork}, exitClean, "3 real steps, 2 futures of it with"},
		{[]string{"timeline", path}, exitClean, "<!DOCTYPE html>"},
		{[]string{"timeline", path, "-text"}, exitClean, "seconds  step"},
		{[]string{"reduce", path}, exitUsage, ""},
	} {
		status, out, complaints := mastersim(t, c.args...)
		if status != c.status || !strings.Contains(out, c.want) || !strings.HasPrefix(complaints, note) ||
			!strings.Contains(complaints, fmt.Sprintf("it has %d bytes): it was not written to its end, or is damaged there\n", len(cut))) {
			t.Errorf("%q: status %d, %q, %q", c.args, status, out, complaints)
		}
	}
	if status, out, complaints := mastersim(t, "replay", fork); status != exitClean || complaints != "" {
		t.Errorf("its fork: status %d, %q, %q", status, out, complaints)
	}
}

// What is wrong before the break is still found, and reduced.
func TestJournalThatBreaksOffMayAlsoDiffer(t *testing.T) {
	w, m := trace.NewWriter(), core.New(0, core.MachineOptions{})
	w.Snapshot(m)
	for i, ev := range []core.Event{core.ConfigLoadedEvent(0, &core.Config{MailVersion: "3.7.11"}), core.SignalReceivedEvent(core.SIGHUP), core.SignalReceivedEvent(core.SIGTERM)} {
		now := core.Time(int64(i+1) * int64(core.Second))
		w.Event(now, &ev)
		actions := m.Step(now, ev)
		if i == 1 {
			actions = actions[:1]
		}
		w.Actions(actions)
	}
	path := filepath.Join(t.TempDir(), "cut")
	write(t, path, string(w.Bytes()[:len(w.Bytes())-1]))
	for command, want := range map[string]string{"replay": "1 steps gave the same\nstep 2 differs", "reduce": "2 steps, were 2"} {
		status, out, complaints := mastersim(t, command, path)
		if status != exitFound || !strings.Contains(out, want) || !strings.Contains(complaints, "breaks off after 2 steps") {
			t.Errorf("%s: status %d, %q, %q", command, status, out, complaints)
		}
	}
}

func TestForkBeyondTheEndSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	whole, _ := cutJournal(t)
	write(t, path, string(whole))
	for at, want := range map[string]string{"4": "", "5": "", "2000": "mastersim: " + path + " has no 2000 whole steps: the fork is after step 5\n"} {
		status, out, complaints := mastersim(t, "replay", path, "-fork", at, "-steps", "5")
		if status != exitClean || complaints != want || !strings.Contains(out, ", with the reference model\n") {
			t.Errorf("-fork %s: status %d, %q, %q", at, status, out, complaints)
		}
	}
	if _, out, _ := mastersim(t, "replay", path, "-fork", "2", "-steps", "5000"); !strings.Contains(out, ", without the reference model\n") {
		t.Errorf("a long fork: %q", out)
	}
}
