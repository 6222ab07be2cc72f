package core

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each file of testdata is a story: lines of what happens, and below each,
// indented, what the machine does about it. With -update the indented lines
// are written anew.
//
//	options init exit-after=5s descriptors=4   the command line; comes first
//	service a unix limit=2 wakeup=60s?   settings for the next configuration
//	start, start rejected                 the first configuration is loaded
//	hangup                                SIGHUP; the next configuration is loaded
//	hangup rejected                       SIGHUP; it is rejected
//	ready 1                               a listener of service 1 is readable
//	taken 1, available 1                  child of generation 1 reports
//	report 1 pid=7 generation=9 status=0  a message of these numbers in its channel
//	partial 1 bytes=5                     so many bytes of a message
//	close 1                               child of generation 1 closes its channel
//	stop 1 signal=19                      child of generation 1 is stopped
//	exit 1 status=1, exit 1 signal=9      child of generation 1 ends
//	stranger 77 signal=9                  a process ends that is no child of ours
//	sent 1, closed 1, failed 1 ERRNO      wakeup request 1
//	fail PATH fork|exec ERRNO             starts of the path fail from now on
//	refuse ENDPOINT ERRNO                 the endpoint cannot be opened from now on
//	mend PATH|ENDPOINT                    and from now on no more
//	hold, release                         between them no request is answered
//	wait 60s                              time passes; timers expire on the way
//	signal 15
//	state a                               shows state and counts of a service
func TestTraces(t *testing.T) {
	if measured {
		t.Skip("golden traces are switched off")
	}
	files, err := filepath.Glob("testdata/*.trace")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".trace"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got != string(text) && !*update {
				t.Errorf("got:\n%s", got)
			}
		})
	}
}

func tell(t *testing.T, text string) string {
	var r *rig
	options := MachineOptions{GroupLeader: true}
	var out strings.Builder
	var services []ServiceConfig
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out.WriteString(line + "\n")
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		switch {
		case words[0] == "options":
			options = parseOptions(t, words[1:])
			continue
		case words[0] == "service":
			services = append(services, parseService(t, words[1:]))
			continue
		case r == nil:
			r = newRig(t, options)
		}
		happen(t, r, words, &services)
		for _, l := range r.took() {
			out.WriteString("  " + l + "\n")
		}
	}
	return out.String()
}

func happen(t *testing.T, r *rig, words []string, services *[]ServiceConfig) {
	number := func(i int) int64 {
		if i >= len(words) {
			t.Fatalf("%q: a number is missing", words)
		}
		_, digits, found := strings.Cut(words[i], "=")
		if !found {
			digits = words[i]
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		return n
	}
	switch words[0] {
	case "start":
		if len(words) > 1 {
			r.step(ConfigRejectedEvent(0, &Config{Diagnostics: []Diagnostic{{Severity: Error, Text: "bad", Hint: "good"}}}))
			break
		}
		r.step(ConfigLoadedEvent(0, conf(*services...)))
		*services = nil
	case "hangup":
		next := conf(*services...)
		if len(words) > 1 {
			next = nil
		}
		r.hangup(next)
		*services = nil
	case "ready":
		r.step(ListenerReadyEvent(ServiceID(number(1))))
	case "taken":
		r.say(Generation(number(1)), wire.Taken)
	case "available":
		r.say(Generation(number(1)), wire.Available)
	case "report":
		r.step(report(Generation(number(1)), PID(number(2)), uint32(number(3)), wire.Status(number(4))))
	case "partial":
		r.step(StatusReceivedEvent(Generation(number(1)), [wire.StatusSize]byte{}, int(number(2))))
	case "close":
		r.step(ChildChannelClosedEvent(Generation(number(1))))
	case "stop":
		g := Generation(number(1))
		r.step(ChildStoppedEvent(g, r.pids[g], Signal(number(2))))
	case "stranger":
		r.step(ChildExitedEvent(0, PID(number(1)), KilledBy(Signal(number(2)))))
	case "exit":
		status := ExitedWith(uint8(number(2)))
		if strings.HasPrefix(words[2], "signal") {
			status = KilledBy(Signal(number(2)))
		}
		r.die(Generation(number(1)), status)
	case "sent":
		r.step(WakeupSentEvent(Request(number(1))))
	case "closed":
		r.step(WakeupClosedEvent(Request(number(1))))
	case "failed":
		r.step(WakeupFailedEvent(Request(number(1)), Errno(number(2))))
	case "fail":
		r.fail[words[1]] = Failed{map[string]StartStep{"fork": StartFork, "exec": StartExec}[words[2]], Errno(number(3))}
	case "refuse":
		r.refuse[words[1]] = Errno(number(2))
	case "mend":
		delete(r.fail, words[1])
		delete(r.refuse, words[1])
	case "hold":
		r.hold = true
	case "release":
		r.release()
	case "state":
		s := r.service(words[1])
		r.lines = append(r.lines, fmt.Sprintf("%v, idle=%d busy=%d", s.State, s.Idle, s.Busy))
	case "wait":
		words[1] = strings.TrimSuffix(words[1], "s")
		r.wait(Duration(number(1)) * Second)
	case "signal":
		r.step(SignalReceivedEvent(Signal(number(1))))
	default:
		t.Fatalf("unknown line: %q", words)
	}
}

// release answers what was asked since hold, in order.
func (r *rig) release() {
	r.hold = false
	asked := r.asked
	r.asked = nil
	for _, a := range asked {
		r.step(r.done(a))
	}
	if len(r.next) > 0 {
		c := r.next[0]
		r.next = r.next[1:]
		r.step(ConfigLoadedEvent(r.request, c))
	}
}

func parseOptions(t *testing.T, words []string) MachineOptions {
	o := MachineOptions{GroupLeader: true}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(strings.TrimSuffix(value, "s"))
		switch {
		case word == "init":
			o.InitMode, o.GroupLeader = true, false
		case key == "exit-after" && err == nil:
			o.ExitSet, o.ExitAfter = true, Duration(n)*Second
		case key == "descriptors" && err == nil:
			o.Descriptors = uint32(n)
		default:
			t.Fatalf("unknown option: %q", word)
		}
	}
	return o
}

func parseService(t *testing.T, words []string) ServiceConfig {
	kind, ok := ParseServiceType(words[1])
	if !ok {
		t.Fatalf("%q: no such type", words)
	}
	s := unix(words[0], 1)
	if kind == Inet {
		port, err := strconv.ParseUint(words[0], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		s = inet(uint16(port), 1)
	}
	s.Type = kind
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		s.WakeupIfUsed = s.WakeupIfUsed || strings.HasSuffix(value, "?")
		n, err := strconv.Atoi(strings.TrimRight(value, "s?"))
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		switch key {
		case "limit":
			s.ProcessLimit = int32(n)
		case "wakeup":
			s.WakeupInterval = Duration(n) * Second
		case "throttle":
			s.ThrottleDelay = Duration(n) * Second
		default:
			t.Fatalf("%q: no such setting", words)
		}
	}
	return s
}
