package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// demo is one run. All of it happens in one goroutine: waiting is looking again
// and again, and the daemon's log is shown in between.
type demo struct {
	settings
	out     *paper
	signals <-chan os.Signal
	end     time.Time // when the whole demo must be over

	tree     tree
	daemon   daemon
	sessions []*session
}

// newDemo makes a demo whose time begins now.
func newDemo(s settings, out *paper, signals <-chan os.Signal) *demo {
	d := &demo{settings: s, out: out, signals: signals, end: time.Now().Add(s.limit)}
	d.daemon.tree = &d.tree
	return d
}

// interruptedError says that a signal ended the demo.
type interruptedError struct{ signal syscall.Signal }

func (e *interruptedError) Error() string { return "signal " + e.signal.String() }

// lateError says that something did not come true in time.
type lateError struct{ text string }

func (e *lateError) Error() string { return e.text }

// isReset tells whether the other side closed a connection in its hard way.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// until looks until something holds. The error says what was awaited.
func (d *demo) until(limit time.Duration, what string, holds func() (bool, error)) error {
	end := time.Now().Add(limit)
	if d.end.Before(end) {
		end = d.end
	}
	for {
		if err := d.pause(); err != nil {
			return err
		}
		if ok, err := holds(); ok || err != nil {
			d.showLog()
			return err
		}
		switch {
		case time.Now().Before(end):
		case end.Equal(d.end):
			return &lateError{fmt.Sprintf("the demo's time of %v ran out while it waited until %s", d.limit, what)}
		default:
			return &lateError{fmt.Sprintf("waited %v until %s, in vain", limit, what)}
		}
	}
}

// pause lets a moment pass, shows what the daemon says meanwhile, and notices
// what ends the demo early.
func (d *demo) pause() error {
	d.showLog()
	if d.out.err != nil {
		return d.out.err
	}
	select {
	case s := <-d.signals:
		number, _ := s.(syscall.Signal)
		return &interruptedError{number}
	case <-time.After(glance):
		return nil
	}
}

func (d *demo) showLog() {
	for _, line := range d.daemon.news() {
		d.out.logged(line)
	}
}

// alive is false, with an error, when the daemon has ended by itself.
func (d *demo) alive() error {
	if d.daemon.running() {
		return nil
	}
	return fmt.Errorf("the daemon ended by itself (%s)", d.daemon.exit())
}

// serverCount waits until n echo processes run, and gives their pids.
func (d *demo) serverCount(n int, limit time.Duration) ([]int, error) {
	var pids []int
	err := d.until(limit, fmt.Sprintf("there are %s", counted(n)), func() (bool, error) {
		if err := d.alive(); err != nil {
			return false, err
		}
		var err error
		pids, err = d.daemon.servers()
		return len(pids) == n, err
	})
	var late *lateError
	if errors.As(err, &late) {
		err = fmt.Errorf("%w; there are: %v", err, pids)
	}
	return pids, err
}

// counted says how many server processes.
func counted(n int) string {
	switch n {
	case 0:
		return "no server processes"
	case 1:
		return "1 server process"
	}
	return fmt.Sprintf("%d server processes", n)
}

// did and saw write with the log's lines in the right place.
func (d *demo) did(format string, args ...any) {
	d.showLog()
	d.out.does(fmt.Sprintf(format, args...))
}

func (d *demo) saw(format string, args ...any) {
	d.showLog()
	d.out.seen(fmt.Sprintf(format, args...))
}

// prepare finds what is needed and lays out the directory.
func (d *demo) prepare() error {
	if err := d.findPrograms(); err != nil {
		return err
	}
	uid := os.Getuid()
	if os.Geteuid() != uid {
		return errors.New("must not run as a set-uid program")
	}
	a, err := findAccounts(uid)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	d.tree = tree{accounts: a, address: address, maxIdle: fmt.Sprintf("%ds", maxIdle/time.Second)}
	if err := d.tree.lay(d.programs); err != nil {
		return err
	}
	if err := d.tree.writeMain(firstGreeting); err != nil {
		return err
	}
	return d.tree.writeMaster(processLimit)
}

// cleanUp stops what runs and removes the directory, on every way out. It may
// be called when that has been done.
func (d *demo) cleanUp() error {
	for _, s := range d.sessions {
		s.close()
	}
	err := d.daemon.stop()
	d.showLog()
	if d.tree.root != "" {
		if removeErr := os.RemoveAll(d.tree.root); err == nil {
			err = removeErr
		}
	}
	return err
}

// withLastWords adds to an error what the daemon said on standard error: that
// is where it goes when there is no log yet.
func (d *demo) withLastWords(err error) error {
	var interrupted *interruptedError
	if err == nil || errors.As(err, &interrupted) || d.daemon.pid == 0 {
		return err
	}
	words := d.daemon.lastWords()
	if len(words) == 0 {
		return err
	}
	return fmt.Errorf("%w\n  on standard error the daemon said:\n    %s", err, strings.Join(words, "\n    "))
}
