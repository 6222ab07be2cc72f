package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stationmaster/stationmaster/osadapter/stuck"
)

// TestDiskThatDoesNotAnswerKeepsNothing: a reload names a file on a disk that
// hangs. The loop continues, SIGTERM works, and another master can take the locks
// and the port, although a thread of the first one still waits for the disk.
func TestDiskThatDoesNotAnswerKeepsNothing(t *testing.T) {
	t.Parallel()
	for parameter, warning := range map[string]string{
		"maillog_file":        "is on a disk that does not answer; the log stays as it was",
		"master_journal_file": "",
	} {
		t.Run(parameter, func(t *testing.T) {
			t.Parallel()
			disk := stuck.NewDisk(t)
			s := newStation(t)
			p := s.start()
			defer disk.TakeAway() // then the master can end
			before := s.main
			s.main = strings.Replace(s.main, "maillog_file_prefixes = ", "maillog_file_prefixes = "+disk.Dir+" ", 1) +
				parameter + " = " + filepath.Join(disk.Dir, "file") + "\n"
			s.write()
			must(t, p.Process.Signal(syscall.SIGHUP))
			s.eventually("the disk is asked", func() bool { return disk.Asked() > 0 })
			s.eventually("the warning", func() bool { return strings.Contains(s.log(), warning) })
			for n := 2; n < 5; n++ {
				must(t, p.Process.Signal(syscall.SIGHUP))
				s.eventually("another reload", func() bool { return strings.Count(s.log(), "reload -- version") == n })
			}
			must(t, p.Process.Signal(syscall.SIGTERM))
			s.eventually("the end", func() bool { return strings.Contains(s.log(), "terminating on signal 15") })
			s.eventually("the lock is free", func() bool { status, _ := s.run("-t"); return status == 0 })
			select {
			case <-p.ended:
				t.Error("no thread waits for the disk: nothing was tested")
			default:
			}
			s.main = before
			s.write()
			must(t, os.Remove(s.path("log/mail.log"))) // start looks for its line there
			s.start()
			s.connect().echo(t, "served by another")
		})
	}
}
