package system

import (
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/disk"
)

// Disk holds the files of the log and of the journal. Directories are those that were
// made with MakeDirectory.
type Disk struct {
	// Free is how many bytes fit, -1: any number.
	Free int
	// Broken makes every call fail with EIO.
	Broken bool
	// Sick makes so many of 1000 calls fail with one of the errors of their kind.
	Sick uint32
	// Latency is how long jobs take.
	Latency core.Duration
	// Early has the calls of a job made at its beginning though the answer comes later.
	Early bool
	// Journals says that files are recordings, not logs.
	Journals bool

	host        *Host
	hangs       bool
	Files       map[string]*file
	Directories map[string]bool
	Under       []*disk.Job // not answered
	held        []heldJob   // by a disk that hangs
	then        map[*disk.Job][]func(disk.Files)
}

// heldJob is a job that a disk keeps: it was carried out, or is to be.
type heldJob struct {
	job   *disk.Job
	began core.Time
	done  bool
}

// file is what a name stands for.
type file struct {
	content   []byte
	mode      uint32
	links     int
	holds     int
	Directory bool
	Owned     bool   // made with the identity of the owner of the mail system
	lane      lane   // of a log
	journal   bool   // content is a recording's, not a log's
	cut       []byte // what has no end yet
	whole     bool   // that is a line, and known
}

func (d *Disk) init(h *Host) {
	*d = Disk{Free: -1, host: h, Files: map[string]*file{}, Directories: map[string]bool{}, then: map[*disk.Job][]func(disk.Files){}}
}

var _ disk.Files = (*Disk)(nil)

// MakeDirectory makes a directory, or gives one back that was taken away.
func (d *Disk) MakeDirectory(name string) { d.Directories[name] = true }

// LoseDirectory takes a directory away, with the names in it out of reach.
func (d *Disk) LoseDirectory(name string) { delete(d.Directories, name) }

// Content returns what stands in the file with this name; ok: there is one.
func (d *Disk) Content(name string) (content []byte, ok bool) {
	if f := d.Files[name]; f != nil && !f.Directory {
		return f.content, true
	}
	return nil, false
}

// Mode returns the permissions of the file with this name.
func (d *Disk) Mode(name string) uint32 { return d.Files[name].mode }

// Names are those of all files, in order.
func (d *Disk) Names() (names []string) {
	for name := range d.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Put makes a file with this content, in place of what has the name.
func (d *Disk) Put(name, content string) {
	d.Take(name)
	d.Files[name] = &file{content: []byte(content), mode: 0o600, links: 1, journal: true, Owned: true}
}

// PutDirectory makes a directory where a file is expected.
func (d *Disk) PutDirectory(name string) {
	d.Take(name)
	d.Files[name] = &file{Directory: true, links: 2}
}

// Take removes a name, as a stranger would.
func (d *Disk) Take(name string) {
	if f := d.Files[name]; f != nil {
		f.links--
		delete(d.Files, name)
	}
}

// Rotate gives the file another name, as logrotate would.
func (d *Disk) Rotate(name string) {
	if f := d.Files[name]; f != nil && !f.Directory {
		d.Take(name + ".1")
		d.Files[name+".1"] = f
		delete(d.Files, name)
	}
}

// Hang keeps the disk from answering, or lets it go on.
func (d *Disk) Hang(hangs bool) {
	if d.hangs = hangs; hangs {
		return
	}
	held := d.held
	d.held = nil
	for _, k := range held {
		if !k.done {
			k.job.Carry(d)
		}
		d.answer(k.job, k.began)
	}
}

// Hangs reports whether the disk answers nobody.
func (d *Disk) Hangs() bool { return d.hangs }

// begin begins a job. The answer of a disk that works comes after Latency, which for
// none is at once.
func (d *Disk) begin(j *disk.Job, room int) bool {
	if len(d.Under) >= room {
		return false
	}
	d.Under = append(d.Under, j)
	began := d.host.now
	early := d.Early && d.host.choose(2) == 1
	if early {
		j.Carry(d)
	}
	if d.hangs {
		d.held = append(d.held, heldJob{j, began, early})
		return true
	}
	finish := func() {
		if d.hangs {
			d.held = append(d.held, heldJob{j, began, early})
			return
		}
		if !early {
			j.Carry(d)
		}
		d.answer(j, began)
	}
	if d.Latency == 0 {
		finish()
	} else {
		d.host.after(d.Latency, finish)
	}
	return true
}

func (d *Disk) answer(j *disk.Job, began core.Time) {
	d.Under = slices.DeleteFunc(d.Under, func(o *disk.Job) bool { return o == j })
	j.Answer(time.Duration(d.host.now.Sub(began)))
	for _, act := range d.then[j] {
		act(d)
	}
	delete(d.then, j)
}

// fault returns the error that a call is to fail with.
func (d *Disk) fault(errnos ...unix.Errno) error {
	switch {
	case d.Broken:
		return unix.EIO
	case d.Sick > 0 && d.host.choose(1000) < d.Sick:
		return errnos[d.host.choose(uint32(len(errnos)))]
	}
	return nil
}

// reason is the error of Open: a text and what it wraps.
type reason struct {
	text string
	err  error
}

// Error returns the words of the daemon.
func (r *reason) Error() string { return r.text }

// Unwrap returns the error number.
func (r *reason) Unwrap() error { return r.err }

func cannot(what string, err unix.Errno) error {
	return &reason{what + ": " + strings.ToUpper(err.Error()[:1]) + err.Error()[1:], err}
}

// Open opens or makes a file by the rules of lock.SafeOpen.
func (d *Disk) Open(name string, flags int, mode uint32) (int, error) {
	if d.host.crowded() {
		return -1, cannot("cannot open file", unix.EMFILE)
	}
	if err := d.fault(unix.EACCES, unix.EIO, unix.ENFILE, unix.EROFS); err != nil {
		return -1, cannot("cannot open file", err.(unix.Errno))
	}
	f := d.Files[name]
	switch {
	case !d.Directories[path.Dir(name)] && flags&unix.O_CREAT != 0:
		return -1, cannot("cannot create file exclusively", unix.ENOENT)
	case !d.Directories[path.Dir(name)]:
		return -1, cannot("cannot open file", unix.ENOENT)
	case f == nil && flags&unix.O_CREAT == 0:
		return -1, cannot("cannot open file", unix.ENOENT)
	case f == nil && d.Free == 0 && d.host.choose(2) == 1: // no room for the name
		return -1, cannot("cannot create file exclusively", unix.ENOSPC)
	case f == nil:
		f = &file{mode: mode, links: 1, lane: laneFile, journal: d.Journals, Owned: d.host.owner}
		if name != LogPath {
			f.lane = laneOther
		}
		d.Files[name] = f
	case f.Directory:
		return -1, errors.New("file is a directory")
	}
	f.holds++
	return d.host.install(&descriptor{file: f}), nil
}

// of returns the file behind a descriptor.
func (d *Disk) of(call string, fd int) *file {
	if o := d.host.at(call, fd); o != nil && o.file != nil {
		return o.file
	}
	return nil
}

// Close closes a descriptor, whatever the error says.
func (d *Disk) Close(fd int) error {
	d.host.Close(fd)
	return d.fault(unix.EIO, unix.ENOSPC)
}

// Read reads from the beginning: nobody reads a second time.
func (d *Disk) Read(fd int, p []byte) (int, error) {
	f := d.of("read", fd)
	if f == nil {
		return 0, unix.EBADF
	}
	if err := d.fault(unix.EIO, unix.EINTR); err != nil {
		return 0, err
	}
	return copy(p, f.content), nil
}

// Write appends to a file: all of it, or as much as there is room for.
func (d *Disk) Write(fd int, p []byte) (int, error) {
	f := d.of("write", fd)
	if f == nil {
		return 0, unix.EBADF
	}
	if err := d.fault(unix.EIO, unix.ENOSPC, unix.EINTR); err != nil {
		return 0, err
	}
	n := len(p)
	if d.Free >= 0 {
		if n = min(n, d.Free); n == 0 && len(p) > 0 {
			return 0, unix.ENOSPC
		}
		d.Free -= n
	}
	f.content = append(f.content, p[:n]...)
	d.host.Ledger.written(f, p[:n], n == len(p)-1)
	return n, nil
}

// Sync has nothing to do.
func (d *Disk) Sync(fd int) error {
	d.of("fsync", fd)
	return d.fault(unix.EIO, unix.ENOSPC)
}

// Status describes an open file.
func (d *Disk) Status(fd int) (disk.Status, error) {
	f := d.of("fstat", fd)
	if f == nil {
		return disk.Status{}, unix.EBADF
	}
	if err := d.fault(unix.EIO); err != nil {
		return disk.Status{}, err
	}
	return disk.Status{Regular: !f.Directory, Mode: f.mode, Links: uint64(f.links), Ours: true}, nil
}

// Chmod sets the mode of an open file.
func (d *Disk) Chmod(fd int, mode uint32) error {
	f := d.of("fchmod", fd)
	if f == nil {
		return unix.EBADF
	}
	if err := d.fault(unix.EPERM, unix.EROFS); err != nil {
		return err
	}
	f.mode = mode
	return nil
}

// Exists reports whether there is such a name.
func (d *Disk) Exists(name string) bool { return d.Directories[path.Dir(name)] && d.Files[name] != nil }

// MayCreate reports whether a directory is there.
func (d *Disk) MayCreate(directory string) error {
	if err := d.fault(unix.EACCES, unix.EROFS); err != nil {
		return err
	}
	if !d.Directories[directory] {
		return unix.ENOENT
	}
	return nil
}

// Rename gives a file another name, over what has that.
func (d *Disk) Rename(from, to string) error {
	if err := d.fault(unix.EIO, unix.ENOSPC, unix.EACCES); err != nil {
		return err
	}
	f := d.Files[from]
	if f == nil || !d.Directories[path.Dir(to)] {
		return unix.ENOENT
	}
	d.Take(to)
	d.Files[to] = f
	delete(d.Files, from)
	return nil
}

// Unlink removes a name.
func (d *Disk) Unlink(name string) error {
	if err := d.fault(unix.EIO, unix.EACCES); err != nil {
		return err
	}
	switch f := d.Files[name]; {
	case f == nil:
		return unix.ENOENT
	case f.Directory:
		return unix.EISDIR
	}
	d.Take(name)
	return nil
}

// Writable is asked about standard output only, which is closed.
func (d *Disk) Writable(int) bool { return false }
