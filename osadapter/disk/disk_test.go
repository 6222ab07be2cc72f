package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit is how long a test waits for what must come.
const limit = 20 * time.Second

// gated is a job that ends when its gate is opened.
func gated(answer error) (j *Job, open func()) {
	gate := make(chan struct{})
	j = NewJob(func(Files) error { <-gate; return answer })
	return j, func() { close(gate) }
}

func TestJobsBesideAreBounded(t *testing.T) {
	var b Beside
	one, openOne := gated(nil)
	two, openTwo := gated(unix.EIO)
	three, openThree := gated(nil)
	defer openThree()
	if !b.Begin(one, 2) || !b.Begin(two, 2) || b.Begin(three, 2) {
		t.Fatal("two jobs have room, a third has none")
	}
	if one.Answered() || b.Await(one, time.Millisecond) {
		t.Error("there is an answer before the end")
	}
	openOne()
	openTwo()
	if !b.Await(one, limit) || one.Err() != nil || !b.Await(two, limit) || two.Err() != unix.EIO {
		t.Errorf("answers: %v, %v", one.Err(), two.Err())
	}
	if b.UnderWay() != 0 || !b.Begin(three, 1) {
		t.Error("an answered job takes room")
	}
}

func TestJobIsUsedAgain(t *testing.T) {
	var b Beside
	count := 0
	j := NewJob(func(Files) error { count++; return nil })
	for n := 1; n <= 100; n++ {
		if !b.Begin(j, 1) || !b.Await(j, limit) || count != n {
			t.Fatalf("round %d: carried out %d times", n, count)
		}
		if j.Reset(); j.Answered() {
			t.Fatal("answered before it was begun")
		}
	}
}

// Who waits behind a job, or needs to know of its failure, is woken; nobody else is.
func TestAnswerWakes(t *testing.T) {
	for _, test := range []struct {
		answer error
		want   bool
		woken  bool
	}{{nil, false, false}, {nil, true, true}, {unix.EIO, false, true}} {
		var b Beside
		woken := make(chan struct{}, 1)
		j, open := gated(test.answer)
		j.Wake(func() { woken <- struct{}{} })
		b.Begin(j, 1)
		if test.want && j.Want() {
			t.Fatal("answered before the end")
		}
		open()
		if test.woken {
			select {
			case <-woken:
			case <-time.After(limit):
				t.Errorf("%+v: nobody was woken", test)
			}
			continue
		}
		b.Await(j, limit)
		after := make(chan struct{})
		b.After(j, func(Files) { close(after) })
		<-after
		if len(woken) > 0 {
			t.Errorf("%+v: somebody was woken", test)
		}
	}
}

func TestPanicIsAnError(t *testing.T) {
	var b Beside
	j := NewJob(func(Files) error { panic(errors.New("cannot become root again")) })
	j.OnThread(true)
	if !b.Begin(j, 1) || !b.Await(j, limit) || j.Err() == nil || j.Err().Error() != "cannot become root again" {
		t.Errorf("got %v", j.Err())
	}
}

// What is to be done after a job is done after it, also when nobody waits any more.
func TestAfterALateJob(t *testing.T) {
	var b Beside
	j, open := gated(nil)
	b.Begin(j, 1)
	done := make(chan struct{})
	b.After(j, func(Files) { close(done) })
	select {
	case <-done:
		t.Fatal("it did not wait")
	case <-time.After(time.Millisecond):
	}
	open()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatal("it was forgotten")
	}
}

func TestRealFiles(t *testing.T) {
	var f Files = Real{}
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if f.Exists(path) || f.MayCreate(dir) != nil || !errors.Is(f.MayCreate(path), unix.ENOENT) {
		t.Error("an empty directory looks different")
	}
	fd, err := f.Open(path, unix.O_CREAT|unix.O_RDWR, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write(fd, []byte("text")); n != 4 || err != nil {
		t.Errorf("%d bytes: %v", n, err)
	}
	if err := f.Chmod(fd, 0o600); err != nil {
		t.Error(err)
	}
	status, err := f.Status(fd)
	if want := (Status{Regular: true, Mode: 0o600, UID: uint32(os.Geteuid()), Links: 1, Ours: true}); status != want || err != nil {
		t.Errorf("got %+v, %v", status, err)
	}
	if err := f.Rename(path, path+".1"); err != nil || f.Exists(path) || !f.Exists(path+".1") {
		t.Errorf("rename: %v", err)
	}
	if err := f.Unlink(path + ".1"); err != nil {
		t.Error(err)
	}
	if status, err := f.Status(fd); status.Links != 0 || err != nil {
		t.Errorf("%d links are left, %v", status.Links, err)
	}
	if !f.Writable(fd) {
		t.Error("a file takes nothing")
	}
	if err := errors.Join(f.Sync(fd), f.Close(fd)); err != nil {
		t.Error(err)
	}
	if _, err := f.Open(dir, unix.O_RDONLY, 0); err == nil || err.Error() != "file is a directory" {
		t.Errorf("a directory: %v", err)
	}
}
