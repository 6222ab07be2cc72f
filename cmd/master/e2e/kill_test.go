//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recoveryLimit is how long a service may take to run again after a kill.
const recoveryLimit = 60 * time.Second

// provokeInterval is the time that a program has to start before it is requested
// again.
const provokeInterval = time.Second

// killing is a program whose processes are all killed at once.
type killing struct {
	program string
	// provoke makes a request for the program; nil if mail alone does.
	provoke func(s *mailSystem, attempt int) error
}

// beforeMaster and afterMaster are killed before and after the master.
var (
	beforeMaster = []killing{
		{"postlogd", nil},
		{"anvil", askAnvil},
		{"cleanup", nil},
		{"qmgr", nil},
		{"smtpd", nil},
		{"postscreen", nil},
		{"local", nil},
		{"trivial-rewrite", nil},
		{"verify", askVerify},
		{"bounce", nil},
		{"scache", nil},
		{"pipe", nil},
	}
	afterMaster = []killing{
		{"virtual", nil},
		{"pickup", nil},
		{"flush", askFlush},
		{"smtp", nil},
		{"proxymap", nil},
		{"showq", askShowq},
		{"lmtp", nil},
		{"tlsmgr", askTLS},
		{"error", nil},
		{"discard", askDiscard},
		{"tlsproxy", askTLSProxy},
		{"qmgr", nil},
	}
)

// victim is a process that was killed.
type victim struct {
	process
	servant
	held []string // names of the queue files that it had open
}

// killer kills processes of a mail system and records them.
type killer struct {
	*storm
	master  int
	victims map[int]victim // by pid
	reloads int
}

// killEverything sends the storm of letters, and in its middle kills each kind of
// daemon with kill -9, including the master, with reloads in between.
func (s *mailSystem) killEverything(t *testing.T) {
	t.Helper()
	began := time.Now()
	k := &killer{master: s.start(t), storm: newStorm(t, s), victims: map[int]victim{}}
	steps := len(beforeMaster) + len(afterMaster) + 2 // and after the last kill of each half
	step := 0
	// Each step has letters of its own, so that mail is in transit whenever
	// something is killed.
	next := func() (middle int) {
		from := step * stormBatches / steps
		step++
		k.allow(step * stormBatches / steps)
		return batchLetters * (from + (step*stormBatches/steps-from)/3)
	}
	for _, half := range [][]killing{beforeMaster, afterMaster} {
		if step > 0 {
			k.killMaster(t)
		}
		for i, program := range half {
			k.await(t, next())
			k.kill(t, program)
			if i%3 == 2 {
				k.reloadNow(t)
			}
		}
		k.await(t, next())
		k.recovered(t, half)
	}
	k.await(t, stormLetters)
	k.judge(t)
	awaitNoZombie(t, k.master)
	s.must(t, "stop")
	s.gone(t, stopLimit, "stop")
	k.checkDeaths(t)
	t.Logf("%d messages, %d processes killed, %d reloads, in %.1f s", stormLetters, len(k.victims), k.reloads, time.Since(began).Seconds())
}

// running returns the living children of the master that run the program.
func (k *killer) running(program string) []victim {
	var found []victim
	for s, of := range servants(k.master) {
		for _, p := range of {
			if s.program == program {
				found = append(found, victim{process: p, servant: s})
			}
		}
	}
	return found
}

// kill kills all processes of the program at once, with kill -9. It stops each of
// them first, to see which messages it holds.
func (k *killer) kill(t *testing.T, what killing) {
	t.Helper()
	found := k.awaitRunning(t, what)
	for _, v := range found {
		k.signal(v, syscall.SIGSTOP)
	}
	for _, v := range found {
		v.held = k.held(v.process)
		if k.signal(v, syscall.SIGKILL) {
			k.victims[v.pid] = v
		}
	}
}

// signal sends a signal, and reports whether the process existed.
func (k *killer) signal(v victim, signal syscall.Signal) bool {
	return len(alive([]process{v.process})) == 1 && syscall.Kill(v.pid, signal) == nil
}

// stopDelay is how long a process may take to stop; one that waits for a disk needs
// longer.
const stopDelay = time.Second

// held returns the names of the queue files that a process has open that is about
// to stop.
func (k *killer) held(p process) []string {
	for end := time.Now().Add(stopDelay); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if now, ok := readProcess(p.pid); !ok || now.state == 'T' {
			break
		}
	}
	directory := fmt.Sprintf("/proc/%d/fd", p.pid)
	entries, _ := os.ReadDir(directory) // none if it has ended
	var names []string
	for _, e := range entries {
		path, err := os.Readlink(directory + "/" + e.Name())
		if err != nil {
			continue
		}
		if name := filepath.Base(path); strings.HasPrefix(path, k.queue()+"/") && longName.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// awaitRunning waits until the program has processes that were not killed before.
func (k *killer) awaitRunning(t *testing.T, what killing) (found []victim) {
	t.Helper()
	var asked time.Time
	var answer error
	attempt := 0
	eventually(t, recoveryLimit, what.program+" runs", func() string {
		found = slices.DeleteFunc(k.running(what.program), func(v victim) bool { _, dead := k.victims[v.pid]; return dead })
		if len(found) > 0 {
			return ""
		}
		if what.provoke != nil && time.Since(asked) > provokeInterval {
			attempt++
			answer = what.provoke(k.mailSystem, attempt)
			asked = time.Now()
		}
		return fmt.Sprintf("no process; asked %d times, last answer: %v", attempt, answer)
	})
	return found
}

// recovered checks that everything that was killed runs again.
func (k *killer) recovered(t *testing.T, half []killing) {
	t.Helper()
	for _, what := range half {
		k.awaitRunning(t, what)
	}
}

// reloadNow reloads while mail is in transit.
func (k *killer) reloadNow(t *testing.T) {
	t.Helper()
	k.reloads++
	k.awaitReload(t, k.reloads, k.reload())
}

// killMaster kills the master in the middle of sessions and starts the mail system
// again at once. The sessions are served to their end, by servers that leave then.
func (k *killer) killMaster(t *testing.T) {
	t.Helper()
	sessions := make([]session, parallelClients)
	each(t, "before the master is killed", func(i int) (err error) {
		sessions[i], err = open([]string{k.addresses[0], k.whole.direct}[i%2])
		return err
	})
	earlier, old := children(k.master), k.master
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, stopLimit, "the master ends by a signal that cannot be caught", func() string {
		if p, ok := readProcess(old); ok && !p.zombie() {
			return p.String()
		}
		return ""
	})
	// A cleanup that is killed at the wrong moment leaves a file without a
	// message's name; postsuper's complaint about it must not prevent the start.
	remains := k.queue() + "/incoming/1.1"
	if err := os.WriteFile(remains, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k.must(t, "start")
	if err := os.Remove(remains); err != nil {
		t.Fatal(err)
	}
	each(t, "after the master was killed", func(i int) error {
		return errors.Join(sessions[i].Noop(), sessions[i].submit(to("anybody@"+discardDomain, stormLetters+i+1)), sessions[i].Quit())
	})
	text, err := os.ReadFile(k.queue() + "/pid/master.pid")
	if err != nil {
		t.Fatal(err)
	}
	if k.master, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil || k.master == old {
		t.Fatalf("master.pid after the new start: %d, %v", k.master, err)
	}
	eventually(t, retireLimit, "the servers of the killed master leave", func() string {
		if left := alive(earlier); len(left) > 0 {
			return fmt.Sprint(left)
		}
		return ""
	})
}
