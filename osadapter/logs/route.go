package logs

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// target takes finished lines. None of its functions waits, but for a moment for the
// disk of a log file.
type target interface {
	// probe reports whether lines can go anywhere, as far as opening it shows; with
	// thorough, also whether they can still when the way that is open now closes.
	probe(thorough bool) error
	// send hands one line over. The error says why it was not taken.
	send(line []byte) error
	// descriptor becomes writable when a target that was full takes lines again;
	// -1 if there is none.
	descriptor() int
	close()
}

// route is a target with what it has not taken yet, and the form of its lines.
type route struct {
	target   target
	facility uint8  // of syslog lines
	host     string // of other lines: first label, with a blank behind; empty for syslog
	kept     queue
	stuck    error // why the first of the kept lines was not taken
	out      []byte
}

func (r *route) isSyslog() bool {
	_, ok := r.target.(*syslog)
	return ok
}

// deliver hands one line over in the target's form.
func (r *route) deliver(level Level, text []byte) error {
	r.out = r.out[:0]
	switch {
	case r.isSyslog():
		if level == foreign {
			level = Info
		}
		r.out = append(appendPriority(r.out, r.facility, level), text...)
	case level == foreign:
		r.out = append(r.out, text...)
	default:
		r.out = append(r.out, text[:stampLength]...)
		r.out = append(r.out, r.host...)
		r.out = append(r.out, text[stampLength:]...)
	}
	return r.target.send(r.out)
}

// flush delivers what is kept, in order, and reports whether all is gone. A line
// that can never be delivered is lost.
func (r *route) flush(lost *outage) bool {
	for !r.kept.empty() {
		first := &r.kept.lines[0]
		err := r.deliver(first.level, first.text)
		if err != nil && !isHopeless(err) {
			r.stuck = err
			return false
		}
		if err != nil {
			lost.lose(err)
		}
		r.kept.drop()
	}
	r.stuck = nil
	return true
}

// worthWaiting reports whether a daemon is there, or was, that will take lines soon.
func (r *route) worthWaiting() bool {
	s, ok := r.target.(*syslog)
	return isFull(r.stuck) || ok && s.met && r.stuck != nil
}

// isFull reports whether a daemon is there that has no room just now.
func isFull(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS)
}

// isHopeless reports whether the line itself is what was not taken.
func isHopeless(err error) bool {
	return errors.Is(err, unix.EMSGSIZE) || errors.Is(err, io.ErrShortWrite)
}
