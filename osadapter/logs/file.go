package logs

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// The disk of a log file may not answer, for ever, and whoever asked it cannot even
// be killed. So every call on it is made by a goroutine of its own. Who logs a line
// waits a moment for it, and keeps the line when that is not enough; the next try
// finds out what has become of it.

// MaxThreads is how many threads of the process such calls can take. The last one is
// for the file in force: a look at another one leaves it alone.
const MaxThreads = 3

// filePatience is how long a call on a log file's disk is waited for. Only tests
// change it.
var filePatience = 100 * time.Millisecond

// unanswered is how many calls are under way in the whole process.
var unanswered atomic.Int32

// logFile is a log file, to which lines are appended.
type logFile struct {
	path    string
	inForce bool  // lines go there
	held    int   // kept open by Hold; -1: it is opened for each line
	cut     bool  // the last line in the file has no end
	under   *task // under way, or its answer is not taken yet
	slow    bool  // the last answer took long: the next one is not waited for
}

// task is one call on the disk. The goroutine that carries it out owns what stands
// below done, until done is closed.
type task struct {
	line string // to append, or one of the two below
	done chan struct{}
	took time.Duration
	cut  bool
	held int // what Hold has opened; -1: nothing
	err  error
}

// What is asked without a line.
const (
	look = ""     // whether the file can be had
	hold = "hold" // to open it and to keep it open
)

// ask has the task carried out, unless one is under way, and returns its answer. An
// error that isFull says that there is none yet. To ask the same again is to ask for
// the answer, whenever that comes.
func (f *logFile) ask(line string, act func(*task)) error {
	t := f.under
	if t != nil && t.line != line {
		if !t.isDone() {
			return f.noAnswer()
		}
		f.take() // nobody wants to know any more
		t = nil
	}
	if t == nil {
		room := int32(MaxThreads)
		if !f.inForce {
			room--
		}
		if unanswered.Add(1) > room {
			unanswered.Add(-1)
			return f.noAnswer()
		}
		t = &task{line: line, done: make(chan struct{}), cut: f.cut, held: -1}
		f.under = t
		go func() {
			defer unanswered.Add(-1)
			began := time.Now()
			act(t)
			t.took = time.Since(began)
			close(t.done)
		}()
		if !f.slow {
			t.wait(filePatience)
		}
	}
	if !t.isDone() {
		f.slow = true
		return f.noAnswer()
	}
	return f.take()
}

// take takes the answer.
func (f *logFile) take() error {
	t := f.under
	f.under, f.cut, f.slow = nil, t.cut, t.took >= filePatience
	if t.held >= 0 {
		f.held = t.held
	}
	return t.err
}

func (f *logFile) noAnswer() error {
	return &fileError{"logfile '" + f.path + "' is on a disk that does not answer", unix.EAGAIN}
}

// isSilent reports whether an error is that of noAnswer.
func isSilent(err error) bool {
	var file *fileError
	return errors.As(err, &file) && isFull(err)
}

func (t *task) isDone() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

func (t *task) wait(limit time.Duration) {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-t.done:
	case <-late.C:
	}
}

// append adds a line to the log file: one open, write and close for each, so
// that log rotation needs no word to us, unless the file is held.
func (f *logFile) append(line []byte) error { return f.write(string(line)) }

// mayOpen reports whether the file can be opened, and makes it.
func (f *logFile) mayOpen() error { return f.write(look) }

func (f *logFile) write(line string) error {
	path, held := f.path, f.held
	return f.ask(line, func(t *task) { t.err = t.write(path, held) })
}

// hold opens the file and keeps it open. One that is late is held when it comes.
func (f *logFile) hold() error {
	if f.held >= 0 {
		return nil
	}
	path := f.path
	return f.ask(hold, func(t *task) { t.held, t.err = openFile(path) })
}

// mayAppend reports whether postlogd could open the log file, without making it.
func (f *logFile) mayAppend() error {
	path := f.path
	return f.ask(look, func(t *task) { t.err = mayAppend(path) })
}

func (t *task) write(path string, held int) error {
	if path == stdoutPath {
		// Opening it again would fail for sockets and for other owners.
		if t.line == look {
			return nil
		}
		if err := writeIfReady(stdoutFD, t.line+"\n"); err != nil {
			return &socketError{path, err}
		}
		return nil
	}
	fd := held
	if fd < 0 {
		var err error
		if fd, err = openFile(path); err != nil {
			return err
		}
		defer closeDescriptor(fd)
	} else if isRemoved(fd) {
		return &fileError{"logfile '" + path + "' was removed while this process has it open; reload to let it open a new one", unix.ENOENT}
	}
	if t.line == look {
		return nil
	}
	text := t.line + "\n"
	if t.cut {
		text = "\n" + text
	}
	n, err := writeAll(fd, text)
	if n > 0 {
		t.cut = n != len(text)
	}
	if err == nil && n != len(text) {
		err = unix.ENOSPC
	}
	if err != nil {
		return &fileError{"logfile '" + path + "' write error: " + lock.ErrorText(err), err}
	}
	return nil
}

func mayAppend(path string) error {
	if path == stdoutPath {
		return nil
	}
	fd, err := lock.SafeOpen(path, unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == nil {
		closeDescriptor(fd)
		return nil
	}
	var st unix.Stat_t
	if errors.Is(err, unix.ENOENT) && unix.Lstat(path, &st) != nil {
		// Nothing is there: it would be made.
		missing := unix.Access(filepath.Dir(path), unix.W_OK|unix.X_OK)
		if missing == nil {
			return nil
		}
		return &fileError{"open logfile '" + path + "': cannot create file exclusively: " + lock.ErrorText(missing), missing}
	}
	return &fileError{"open logfile '" + path + "': " + err.Error(), err}
}

// openFile opens the log file, and makes it if it does not exist.
func openFile(path string) (fd int, err error) {
	// Non-blocking: a FIFO without a reader must be an error, not a wait.
	fd, err = lock.SafeOpen(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, fileMode)
	if err != nil {
		return -1, &fileError{"open logfile '" + path + "': " + err.Error(), err}
	}
	return awayFromStandard(fd), nil
}

// isRemoved reports whether nobody can read what is written to the file.
func isRemoved(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Nlink == 0
}

// close gives a held descriptor back, when nobody works with it any more.
func (f *logFile) close() {
	held, t := f.held, f.under
	f.held, f.under = -1, nil
	finish := func() {
		if t != nil && t.held >= 0 {
			closeDescriptor(t.held)
		}
		if held >= 0 {
			closeDescriptor(held)
		}
	}
	if t == nil || t.isDone() {
		finish()
		return
	}
	go func() {
		<-t.done
		finish()
	}()
}
