package logs

import (
	"errors"
	"time"
)

// A line that no target takes at once is kept here, and tried again until one does.

// collect reads the datagrams that wait in the postlog socket while postlogd does not.
func (l *Log) collect() {
	p, ok := l.route.target.(*postlog)
	if !l.unread || !ok || !p.fallback || !p.isBoundTo(l.listener) {
		return
	}
	const datagrams = 1024 // more than a queue holds: others may write without end
	var datagram [maxLine]byte
	for n := 0; n < datagrams && l.route.kept.hasRoom(); n++ {
		size, err := l.sys.Receive(l.listener, datagram[:])
		if err != nil {
			return
		}
		l.route.kept.add(foreign, appendPrintable(nil, string(datagram[:size]), maxLine, l.settings.AllowUnicode))
	}
}

// keep adds the composed line to those that are kept. There must be room at the
// start, which waits for it; later, or when no room is made, the line is lost.
func (l *Log) keep(level Level) {
	if !l.switched {
		l.await(l.route.kept.hasRoom)
	}
	now := l.sys.Now()
	l.hopeless = now.Add(hope)
	if !l.route.kept.hasRoom() {
		l.lost.lose(l.route.stuck)
		return
	}
	l.route.kept.add(level, l.line)
	l.again = now.Add(againPause)
	if l.origin.Alone && l.retry == nil {
		l.retry = l.sys.Later(againPause, l.retryAlone)
	}
}

// retryAlone is Flush until that is of no more use.
func (l *Log) retryAlone() {
	done := l.Flush()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retry == nil {
		return // closed
	}
	if done && l.idle() {
		l.retry = nil
		return
	}
	pause := againPause
	if done {
		pause = hope // no daemon has been there for long
	}
	l.retry = l.sys.Later(pause, l.retryAlone)
}

// flush delivers the lines that are kept, and reports whether the next line may follow.
func (l *Log) flush() bool {
	if l.leaving != nil && l.leaving.flush(&l.lost) {
		l.leaving.target.close()
		l.leaving = nil
	}
	ok := l.route.flush(&l.lost)
	if ok && l.unread {
		l.collect()
		ok = l.route.flush(&l.lost)
	}
	if !ok {
		l.keepFileError(l.route.stuck)
		return false
	}
	return l.tellLost()
}

// tellLost logs how many lines were lost, and reports whether the next line may follow. Nothing else is kept when it is called. From
// then on the line is kept as others are, so that it stays the same at each try.
func (l *Log) tellLost() bool {
	if l.lost.lines == 0 {
		return true
	}
	text, _ := l.compose(nil, Warning, l.lost.text())
	l.lost = outage{}
	l.route.kept.add(Warning, text)
	if !l.route.flush(&l.lost) {
		l.keepFileError(l.route.stuck)
		return false
	}
	return true
}

// keepFileError has Err return err if it is about the log file.
func (l *Log) keepFileError(err error) {
	l.err = nil
	var file *fileError
	if errors.As(err, &file) {
		l.err = err
	}
}

// idle reports whether there is nothing left to deliver.
func (l *Log) idle() bool {
	return l.leaving == nil && l.route.kept.empty() && l.lost.lines == 0
}

// await tries again until that is enough, for as long as a daemon is there that has
// no room just now, or was there, and the log has patience.
func (l *Log) await(enough func() bool) {
	const most, least = 20 * time.Millisecond, time.Millisecond // between two tries
	for !enough() && l.patience > 0 {
		slow := &l.route
		if !slow.worthWaiting() {
			slow = l.leaving
		}
		if slow == nil || !slow.worthWaiting() {
			return
		}
		began := l.sys.Now()
		l.sys.AwaitWritable(slow.target.descriptor(), most)
		if l.sys.Now().Sub(began) < least {
			l.sys.AwaitWritable(none, least) // a kernel without memory, or an end of the daemon, ends the wait at once
		}
		l.renewPatience()
		l.flush()
		l.patience -= l.sys.Now().Sub(began)
	}
}

// Err is what went wrong with the log file at the last line or try; nil if the
// line did not need it or it was written.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Retry tries at once to deliver the lines that are kept, and returns what Err returns
// after that.
func (l *Log) Retry() error {
	l.begin()
	defer l.mu.Unlock()
	if l.flush() {
		l.err = nil
	}
	return l.err
}

// Flush tries again to deliver the lines that are kept. It reports whether another try
// soon is of no use: nothing is left, or no daemon has been there for long.
func (l *Log) Flush() bool {
	l.begin()
	defer l.mu.Unlock()
	if l.idle() && !l.unread {
		return true
	}
	now := l.sys.Now()
	if l.full() || l.unread || !now.Before(l.again) {
		l.again = now.Add(againPause)
		if l.flush() && l.idle() {
			return !l.unread
		}
	}
	return !l.full() && !l.unread && now.After(l.hopeless)
}

// full reports whether a daemon is there that had no room at the last try.
func (l *Log) full() bool {
	return isFull(l.route.stuck) || l.leaving != nil && isFull(l.leaving.stuck)
}

// Settle waits a while, at the start, for a syslog daemon that is there, or was,
// and has yet to take lines.
func (l *Log) Settle() {
	l.begin()
	defer l.mu.Unlock()
	l.flush()
	l.await(l.idle)
}

// Finish does what can be done, before the process ends, for what is kept, and
// for what is queued in a postlog socket of ours. It waits a while for a syslog
// daemon that has yet to take lines, also for one that was there before. What the
// log file does not take goes to syslog.
func (l *Log) Finish() {
	l.begin()
	defer l.mu.Unlock()
	if !l.ending {
		l.ending, l.patience = true, patience
	}
	l.unread = l.listener >= 0 // its reader ends with us
	l.heed()
	l.flush()
	rest := time.Duration(0)
	if isSilent(l.route.stuck) && l.patience > diskPatience {
		rest, l.patience = l.patience-diskPatience, diskPatience
	}
	l.await(l.idle)
	l.patience += rest
	if l.leaving != nil { // it took nothing to the last
		l.route.kept.take(&l.leaving.kept)
		l.leaving.target.close()
		l.leaving = nil
		l.flush()
	}
	if !l.route.isSyslog() && !l.route.kept.empty() {
		l.collect()
		l.adopt(l.settings, openSyslog(l.sys, l.origin.Syslog))
		l.flush()
		l.await(l.idle)
	}
}
