package logs

import (
	"errors"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/disk"
	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// The disk of a log file may never answer, and a thread that waits for it cannot even
// be killed. So every call on it is made by a goroutine of its own. Who logs a line
// waits a moment for it, and keeps the line when that is not enough; the next try
// finds out what has become of it.

// MaxThreads is how many threads of the process such calls can take. The last one is
// for the file in force: a look at another one leaves it alone.
const MaxThreads = 3

// filePatience is how long a log file's disk is waited for, in all while one method of
// Log runs. Only tests change it.
var filePatience = 100 * time.Millisecond

// logFile is a log file, to which lines are appended.
type logFile struct {
	sys     System
	path    string
	inForce bool          // lines go there
	held    int           // kept open by Hold; -1: it is opened for each line
	cut     bool          // the last line in the file has no end
	under   *task         // under way, or its answer is not taken yet
	late    *task         // a line whose answer was taken while something else was asked
	slow    bool          // the last answer took long: the next one is not waited for
	left    time.Duration // of filePatience
}

// task is one call on the disk. The fields below job belong to the job until it is
// answered.
type task struct {
	line string // to append, or one of the two below
	job  disk.Job
	cut  bool
	held int // what Hold has opened; -1: nothing
}

// isLine reports whether the task appends a line.
func (t *task) isLine() bool { return t.line != look && t.line != hold }

// What is asked without a line.
const (
	look = ""     // whether the file can be opened
	hold = "hold" // to open it and to keep it open
)

// ask has the task carried out, unless one is under way, and returns its answer. An
// error that isFull says that there is none yet. To ask the same again is to ask for
// the answer, whenever that comes.
func (f *logFile) ask(line string, act func(*task, disk.Files) error) error {
	t := f.under
	if t != nil && t.line != line {
		if !t.job.Answered() {
			return f.noAnswer()
		}
		if _ = f.take(); t.isLine() {
			f.late = t // what became of it is asked later, or never
		}
		t = nil
	}
	if late := f.late; late != nil && line != look && line != hold {
		if f.late = nil; late.line == line {
			return late.job.Err()
		}
	}
	if t == nil {
		room := MaxThreads
		if !f.inForce {
			room--
		}
		t = &task{line: line, cut: f.cut, held: none}
		t.job.Init(func(files disk.Files) error { return act(t, files) })
		if !f.sys.Begin(&t.job, room) {
			return f.noAnswer()
		}
		f.under = t
		if !f.slow && f.left > 0 {
			if !f.sys.Await(&t.job, f.left) {
				f.left = 0
			} else {
				f.left -= t.job.Took()
			}
		}
	}
	if !t.job.Answered() {
		f.slow = true
		return f.noAnswer()
	}
	return f.take()
}

// take takes the answer.
func (f *logFile) take() error {
	t := f.under
	f.under, f.slow = nil, t.job.Took() >= filePatience
	if t.isLine() {
		f.cut = t.cut
	}
	if t.held >= 0 {
		f.held = t.held
	}
	return t.job.Err()
}

func (f *logFile) noAnswer() error {
	return &fileError{"logfile '" + f.path + "' is on a disk that does not answer", unix.EAGAIN}
}

// isSilent reports whether an error is that of noAnswer.
func isSilent(err error) bool {
	var file *fileError
	return errors.As(err, &file) && isFull(err)
}

// append adds a line to the log file: one open, write and close for each, so
// that log rotation needs no word to us, unless the file is held.
func (f *logFile) append(line []byte) error { return f.write(string(line)) }

// mayOpen reports whether the file can be opened, and makes it.
func (f *logFile) mayOpen() error { return f.write(look) }

func (f *logFile) write(line string) error {
	path, held := f.path, f.held
	return f.ask(line, func(t *task, files disk.Files) error { return t.write(files, path, held) })
}

// hold opens the file and keeps it open. One that is late is held when it comes.
func (f *logFile) hold() error {
	if f.held >= 0 {
		return nil
	}
	path := f.path
	return f.ask(hold, func(t *task, files disk.Files) (err error) {
		t.held, err = openFile(files, path)
		return err
	})
}

// mayAppend reports whether postlogd could open the log file, without making it.
func (f *logFile) mayAppend() error {
	path := f.path
	return f.ask(look, func(_ *task, files disk.Files) error { return mayAppend(files, path) })
}

func (t *task) write(files disk.Files, path string, held int) error {
	if path == stdoutPath {
		// Opening it again would fail for sockets and for other owners.
		if t.line == look {
			return nil
		}
		if err := writeIfReady(files, stdoutFD, t.line+"\n"); err != nil {
			return &socketError{path, err}
		}
		return nil
	}
	fd := held
	if fd < 0 {
		var err error
		if fd, err = openFile(files, path); err != nil {
			return err
		}
		defer func() { _ = files.Close(fd) }() // nothing was buffered
	} else if isRemoved(files, fd) {
		return &fileError{"logfile '" + path + "' was removed while this process has it open; reload to let it open a new one", unix.ENOENT}
	}
	if t.line == look {
		return nil
	}
	text := make([]byte, 0, len(t.line)+2)
	if t.cut {
		text = append(text, '\n')
	}
	text = append(append(text, t.line...), '\n')
	n, err := files.Write(fd, text)
	if n > 0 {
		t.cut = text[n-1] != '\n'
	}
	if err == nil && n < len(text)-1 { // a line without its end is there
		err = unix.ENOSPC
	}
	if err != nil {
		return &fileError{"logfile '" + path + "' write error: " + lock.ErrorText(err), err}
	}
	return nil
}

func mayAppend(files disk.Files, path string) error {
	if path == stdoutPath {
		return nil
	}
	fd, err := files.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == nil {
		_ = files.Close(fd) // nothing was written
		return nil
	}
	if errors.Is(err, unix.ENOENT) && !files.Exists(path) {
		// Nothing is there: it would be made.
		missing := files.MayCreate(filepath.Dir(path))
		if missing == nil {
			return nil
		}
		return &fileError{"open logfile '" + path + "': cannot create file exclusively: " + lock.ErrorText(missing), missing}
	}
	return &fileError{"open logfile '" + path + "': " + err.Error(), err}
}

// openFile opens the log file, and makes it if it does not exist.
func openFile(files disk.Files, path string) (fd int, err error) {
	// Non-blocking: a FIFO without a reader must be an error, not a wait.
	fd, err = files.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, fileMode)
	if err != nil {
		return none, &fileError{"open logfile '" + path + "': " + err.Error(), err}
	}
	return fd, nil
}

// isRemoved reports whether the file has no name left, so that what is written is lost.
func isRemoved(files disk.Files, fd int) bool {
	status, err := files.Status(fd)
	return err == nil && status.Links == 0
}

// hasWritten takes the answer that came late: it reports whether the line is in the file.
func (f *logFile) hasWritten(line []byte) bool {
	if t := f.late; t != nil && t.line == string(line) && t.job.Err() == nil {
		f.late = nil
		return true
	}
	t := f.under
	return t != nil && t.line == string(line) && t.job.Answered() && f.take() == nil
}

// worthKnowing reports whether something must not be forgotten when the file is left, for
// a target that may come back to it.
func (f *logFile) worthKnowing() bool {
	return f.held < 0 && (f.cut || f.late != nil || f.under != nil && f.under.isLine())
}

// continues takes over what is under way and known of the same file, so that no line is
// written twice and none behind one that has no end.
func (f *logFile) continues(before *logFile) {
	f.cut, f.slow, f.late = before.cut, f.slow || before.slow, before.late
	if before.under != nil {
		f.under, before.under = before.under, nil // the answer to a look of ours is not missed
	}
}

// close closes a held descriptor, when no call works with it any more.
func (f *logFile) close() {
	held, t := f.held, f.under
	f.held, f.under = none, nil
	if t == nil {
		if held >= 0 {
			f.sys.Close(held)
		}
		return
	}
	f.sys.After(&t.job, func(files disk.Files) {
		for _, fd := range [...]int{t.held, held} {
			if fd >= 0 {
				_ = files.Close(fd) // nothing was buffered
			}
		}
	})
}
