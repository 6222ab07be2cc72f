package explore

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var planted = flag.Bool("explore.planted", false, "plant every wrong line in the core, not only the first few")

// plantedBugs are wrong lines that a person could write. Each is built with
// go test -overlay; no file is touched. law is the law by which the explorer
// reports it.
var plantedBugs = []struct {
	name, file, old, new, law string
}{
	{"start at the limit", "service.go", "s.total >= s.entry.ProcessLimit:", "s.total > s.entry.ProcessLimit:", "S3"},
	{"believe a stale generation", "status.go", "msg.Generation != uint32(c.generation):", "false:", "S6"},
	{"believe a foreign pid", "status.go", "PID(msg.PID) != c.pid:", "false:", "S6"},
	{"retire no starting child", "start.go", "	if c.retired {\n		m.emit(RetireChild).Generation = c.generation\n		return\n	}\n", "	if c.retired {\n		return\n	}\n", "S8"},
	{"lose the second hangup", "reload.go", "		m.reload.again = true\n		return", "		return", "L8"},
	{"count available twice", "status.go", "	if c.state == childBusy {", "	if c.state != childStarting {", "S6"},
	{"throttle those who served", "reap.go", "bad && !c.served &&", "bad &&", "S7"},
	{"do not throttle a crash", "reap.go", "!c.served && s.life", "!c.served && c.state == childBusy && s.life", "S7"},
	{"do not throttle a failed start", "start.go", "	m.throttle(s)\n", "", "S7"},
	{"throttle for another time", "throttle.go", "s.entry.ThrottleDelay", "2*s.entry.ThrottleDelay", "S7"},
	{"every reload lifts throttles", "reload.go", "s.throttled && m.config.ReloadClearsThrottle", "s.throttled", "S7"},
	{"no reload lifts a throttle", "reload.go", "s.throttled && m.config.ReloadClearsThrottle", "false", "S7"},
	{"do not listen after the throttle", "throttle.go", "	m.log(LogThrottleReleased).Entry = s.entry\n	m.markDirty(s)\n", "	m.log(LogThrottleReleased).Entry = s.entry\n", "core"},
	{"a reload leaves children alone", "reload.go", "	s.entry = entry\n	m.retireChildren(s)\n", "	s.entry = entry\n", "S8"},
	{"hold for ever", "service.go", "		next.heldBy--\n", "", "S3"},
	{"do not hold", "reload.go", "	s.heldBy++\n", "", "core"},
	{"start while held", "service.go", "	case s.heldBy > 0:\n		return StateHeld\n", "", "S3"},
	{"no SIGTERM for who starts during a removal", "start.go", "if s.life == lifeStopping {", "if false {", "L3"},
	{"signal who is not there yet", "removal.go", "		if c.state != childStarting {\n			m.terminate(c)\n		}\n		m.retire(c)", "		m.terminate(c)\n		m.retire(c)", "S10"},
	{"signal without a pid", "reap.go", "a.Generation, a.PID, a.Signal = c.generation, c.pid, sig", "a.Generation, a.Signal = c.generation, sig", "S10"},
	{"cut who is not there yet", "child.go", "	if !starting {\n		m.emit(RetireChild)", "	if starting || !starting {\n		m.emit(RetireChild)", "S9"},
	{"do not hand listeners on", "plan.go", "		case vacant:\n", "		case vacant && entry == nil:\n", "S8"},
	{"close a listener that was handed on", "reload.go", "			from.listeners[acquisition.FromListener] = listenerNone\n", "", "S9"},
	{"do not ask for the watch", "listen.go", "		m.emit(WatchListener).Service = s.id\n", "", "S3"},
	{"never kill", "removal.go", "		m.signal(c, SIGKILL)\n", "", "L3"},
	{"kill once only", "removal.go", "		m.signal(c, SIGKILL)\n	}\n	m.timers.arm(&s.removalTimer, m.now.Add(removalGrace))\n", "		m.signal(c, SIGKILL)\n	}\n", "core"},
	{"spin at a ready listener", "listen.go", "	m.enterStressIfLastSlot(s)\n	m.startChild(s)\n", "	m.enterStressIfLastSlot(s)\n	if s.retired == 0 {\n		m.startChild(s)\n	}\n", "L1"},
	{"a reload that waits for ever", "reload.go", "	for t.pending == 0 {", "	for t.pending == 0 && (m.phase == phaseBooting || len(t.added) > 0) {", "core"},
	{"give a kept descriptor away", "descriptors.go", "m.live+int64(m.reserved) <", "m.live <", "S13"},
	{"let the first child wait", "descriptors.go", "|| s.live() == 0 ||", "||", "S13"},
	{"hold back without looking away", "service.go", "	case s.starved:\n		return StateStarved\n", "", "S3"},
	{"stress before the last slot", "stress.go", "s.total-s.leavingSoon()+1 < s.entry.ProcessLimit", "s.total-s.leaving >= s.entry.ProcessLimit", "S5"},
	{"go on after the end", "machine.go", "		if m.phase != phaseExited {\n			m.updateWatch(s)\n		}\n", "		m.updateWatch(s)\n", "core"},
	{"wake the throttled", "wakeup.go", "	if !s.throttled {\n		m.sendWakeup(s)\n	}\n", "	m.sendWakeup(s)\n", "L6"},
	{"forget a wakeup of a removed service", "removal.go", "	m.stopWakeups(s)\n", "	m.timers.cancel(&s.wakeupTimer)\n	s.wakeupArmed = false\n", "core"},
	{"the end tells nobody", "shutdown.go", "		m.terminateAll(m.active)\n", "", "L5"},
	{"act on who is not watched", "listen.go", "if s == nil || !s.watching {", "if s == nil {", "core"},
	{"forget a stopped child", "reap.go", "	a := m.log(LogStopped)\n", "	m.dropChild(c)\n	a := m.log(LogStopped)\n", "S2"},
	{"who is started has served", "start.go", "	m.armWakeupIfUsed(s)\n", "	if m.inStress(s) || s.entry.ProcessLimit > s.total {\n		c.served = true\n	}\n", "S6"},
	{"a throttle begins anew while it lasts", "throttle.go", "	if s.throttled {\n		return\n	}\n", "", "S7"},
	{"decide by the number of a generation", "start.go", "	c := m.addChild(s)\n", "	c := m.addChild(s)\n	c.served = c.generation > 1<<32\n", "S12"},
}

var (
	brokenLine = regexp.MustCompile(`(?m)^\s*broken (\w+): (.*)$`)
	depthLine  = regexp.MustCompile(`depth (\d+) completed`)
)

func TestPlantedBugsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("short: each planted bug is a build")
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to build with")
	}
	bugs := plantedBugs
	if !*planted {
		bugs = bugs[:5]
	}
	for _, bug := range bugs {
		t.Run(bug.name, func(t *testing.T) {
			dir := t.TempDir()
			source, err := filepath.Abs(filepath.Join("..", "..", "core", bug.file))
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), bug.old); n == 0 {
				t.Fatalf("%s has no such line", bug.file)
			}
			wrong, overlay := filepath.Join(dir, "wrong.go"), filepath.Join(dir, "overlay.json")
			write(t, wrong, []byte(strings.Replace(string(text), bug.old, bug.new, 1)))
			list, err := json.Marshal(map[string]any{"Replace": map[string]string{source: wrong}})
			if err != nil {
				t.Fatal(err)
			}
			write(t, overlay, list)
			out, err := exec.Command(tool, "test", "-overlay", overlay, "-count=1", "-vet=off", "-run", "^TestSmallWorldsHold$", ".", "-explore.exact=false").CombinedOutput()
			found := brokenLine.FindSubmatch(out)
			if err == nil || found == nil {
				t.Fatalf("not found: %v\n%s", err, out)
			}
			t.Logf("%s: %s (after depth %s)", found[1], found[2], depthLine.FindSubmatch(out)[1])
			if string(found[1]) != bug.law {
				t.Errorf("found by %s, want %s\n%s", found[1], bug.law, out)
			}
		})
	}
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
