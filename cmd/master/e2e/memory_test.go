//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

const (
	childStarts   = 10_000
	restTime      = 30 * time.Second
	residentLimit = 12 << 10 // kB
)

// measureMemory has the master start 10,000 children with Debian's stock
// configuration, reloads, rests, and checks its resident memory.
func (s *mailSystem) measureMemory(t *testing.T) {
	t.Helper()
	master := s.start(t)
	descriptors := openDescriptors(t, master)
	atStart := status(t, master, "VmRSS")
	began := time.Now()
	var next atomic.Int64
	each(t, "one-shot connections", func(int) error {
		for next.Add(1) <= childStarts {
			if err := s.askOneshot(); err != nil {
				return err
			}
		}
		return nil
	})
	t.Logf("%d starts of children in %.1f s", childStarts, time.Since(began).Seconds())
	earlier := children(master)
	s.awaitReload(t, 1, s.reload())
	s.awaitRetired(t, 1, earlier)
	switches := status(t, master, "voluntary_ctxt_switches")
	time.Sleep(restTime) // this is what is measured
	awaitNoZombie(t, master)
	resident := status(t, master, "VmRSS")
	t.Logf("resident memory of master after %d starts of children, a reload and %v of rest: %.1f MB "+
		"(anonymous %.1f MB, %.1f MB when started); it woke %d times in the rest; limit 12 MB",
		childStarts, restTime, float64(resident)/1024, float64(status(t, master, "RssAnon"))/1024, float64(atStart)/1024,
		status(t, master, "voluntary_ctxt_switches")-switches)
	if resident >= residentLimit && !s.original {
		t.Errorf("resident memory of master: %d kB, want under %d kB", resident, residentLimit)
	}
	// A living server may cost a descriptor; a dead one may not.
	if most, now := descriptors+len(children(master)), openDescriptors(t, master); now > most {
		t.Errorf("master holds %d descriptors, %d when started", now, descriptors)
	}
	s.must(t, "stop")
	s.gone(t, stopLimit, "stop")
	s.checkLog(t)
}

// askOneshot makes one connection, served by one child that then exits.
func (s *mailSystem) askOneshot() error {
	c, err := net.DialTimeout("unix", s.queue()+"/public/oneshot", sessionLimit)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(sessionLimit)); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if string(answer) != "served\n" {
		return fmt.Errorf("answer %q, want %q", answer, "served\n")
	}
	return nil
}
