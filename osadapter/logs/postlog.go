package logs

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	stdoutPath = "/dev/stdout"
	stdoutFD   = 1
	stderrFD   = 2
	fileMode   = 0o644 // less the umask
)

// postlog sends lines to the postlog socket (spec runtime, 14.3). The master
// owns that socket itself: until postlogd runs its queue is not read, so a
// full queue must not be waited for. What the socket does not take goes to the
// log file, if that is allowed.
type postlog struct {
	sys      System
	path     string
	file     logFile
	fallback bool
	unread   bool // the socket would take lines, but they are not read
	fd       int  // -1: not connected
}

func openPostlog(sys System, path, file string, fallback bool) *postlog {
	p := &postlog{sys: sys, path: path, fd: -1, file: logFile{sys: sys, held: none, left: filePatience}}
	p.fallTo(file, fallback)
	// Without a socket, every line tries again.
	_ = p.connect()
	return p
}

// fallTo names the log file.
func (p *postlog) fallTo(file string, allowed bool) {
	p.file.path, p.fallback = file, allowed && file != ""
	if p.fallback && p.file.path == stdoutPath {
		p.sys.AppendOnly(stdoutFD)
	}
}

func (p *postlog) connect() error {
	if p.fd >= 0 {
		return nil
	}
	fd, err := p.sys.Connect(p.path, Datagram)
	p.fd = fd
	return err
}

func (p *postlog) probe(thorough bool) error {
	switch {
	case !p.fallback:
		return nil
	case p.fd < 0:
		return p.file.mayOpen()
	case thorough:
		return p.file.mayAppend()
	}
	return nil
}

func (p *postlog) send(line []byte) error {
	if p.file.hasWritten(line) { // before anybody else could take it
		return nil
	}
	var err error
	if !p.unread || !p.fallback {
		if err = p.offer(line); err == nil {
			return nil
		}
	}
	if !p.fallback {
		return &socketError{p.path, err}
	}
	return p.file.append(line)
}

// offer sends a line to the socket. The process that bound it may have ended, and
// another one may have bound the path since.
func (p *postlog) offer(line []byte) error {
	var err error
	for try := 0; try < 2; try++ {
		if err = p.connect(); err != nil {
			return err
		}
		if _, err = p.sys.Write(p.fd, line); err == nil || isFull(err) || errors.Is(err, unix.EMSGSIZE) {
			return err
		}
		p.sys.Close(p.fd)
		p.fd = -1
	}
	return err
}

// isBoundTo reports whether a descriptor is the other end of the socket. Whoever named
// us may have closed it since, and the number may be that of something else.
func (p *postlog) isBoundTo(fd int) bool {
	name := p.sys.LocalPath(fd)
	return name != "" && (name == p.path || strings.HasSuffix(p.path, "/"+name))
}

// descriptor is standard output, if lines go there.
func (p *postlog) descriptor() int {
	if p.file.path == stdoutPath {
		return stdoutFD
	}
	return -1
}

func (p *postlog) close() {
	if p.fd >= 0 {
		p.sys.Close(p.fd)
		p.fd = -1
	}
	p.file.close()
}
