package config_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// laneVariable is set for a copy of the test program that is a lane; its value is the path of our
// master.
const laneVariable = "STATIONMASTER_PARITY_LANE"

func TestMain(m *testing.M) {
	if program := os.Getenv(laneVariable); program != "" {
		if err := serveLane(program); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if *vectorStep < 1 {
		fmt.Fprintln(os.Stderr, "-step must be 1 or more")
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// pair is one configuration to compare.
type pair struct {
	Main, Master []byte // with the lane's directories
	Flags        []string
	Names        []string      // parameters to ask for
	Random       uint64        // seed of random choices
	More         int           // this many additional parameters
	Status       bool          // also wait for the exit status of a refusal
	Servers      []serverStart // start these, and nothing else
}

// answer is the result of both sides for a pair.
type answer struct {
	Trouble      string // why there is no answer
	Original     run
	Ours         run
	Before       *run // ours with the entries before the refused one, if that is in master.cf
	Values       valuesAnswer
	Listing      output // postconf -M
	OursListing  output
	OurEndpoints []string
	OurFaults    []string    // the errors in main.cf, as postconf would print them
	Ends         []serverEnd // of Servers
}

// lane is a process in namespaces that answers pairs.
type lane struct {
	process *exec.Cmd
	in      io.WriteCloser
	encode  *gob.Encoder
	decode  *gob.Decoder
	stderr  bytes.Buffer
}

// startLane starts a lane. It ends with the test at the latest: everything in it
// dies with its first process, and that with us.
func startLane(t *testing.T, program string) *lane {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &lane{process: exec.Command(self)}
	l.process.Env = []string{laneVariable + "=" + program, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC"}
	l.process.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setpgid:    true,
	}
	l.process.Stderr = &l.stderr
	if l.in, err = l.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := l.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.process.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			t.Skipf("no namespaces of our own: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(l.end)
	l.encode, l.decode = gob.NewEncoder(l.in), gob.NewDecoder(out)
	return l
}

func (l *lane) end() {
	_ = l.in.Close()
	_ = l.process.Process.Kill()
	_ = l.process.Wait()
}

// ask sends a pair and waits for the answer.
func (l *lane) ask(p *pair) (*answer, error) {
	if err := l.encode.Encode(p); err != nil {
		return nil, fmt.Errorf("lane: %w", err)
	}
	a := new(answer)
	if err := l.decode.Decode(a); err != nil {
		return nil, fmt.Errorf("lane: %w: %s", err, l.stderr.String())
	}
	if a.Trouble != "" {
		return nil, errors.New("lane: " + a.Trouble)
	}
	return a, nil
}

// serveLane is the life of a lane: it answers until its input ends.
func serveLane(program string) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	if err := confine(); err != nil {
		return err
	}
	if err := os.Mkdir(place+"/m", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(oursPath, binary, 0o755); err != nil {
		return err
	}
	s := &stage{lines: make(chan string, 10_000)}
	log, err := listen("/dev/log", s.lines)
	if err != nil {
		return err
	}
	defer log.Close()
	decode, encode := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	for {
		var p pair
		if err := decode.Decode(&p); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		a := new(answer)
		if err := s.answer(&p, a); err != nil {
			a.Trouble = err.Error()
		}
		if err := encode.Encode(a); err != nil {
			return err
		}
	}
}

// clear ends every process of the lane except itself, and takes their statuses.
func (s *stage) clear() error {
	if os.Getpid() != 1 {
		return errors.New("not the first process of a namespace")
	}
	_ = unix.Kill(-1, unix.SIGKILL)
	for deadline := time.Now().Add(5 * time.Second); ; {
		switch pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); {
		case err == unix.ECHILD:
			return emptyPlace()
		case err == nil && pid == 0:
			if time.Now().After(deadline) {
				return errors.New("a process does not die")
			}
			time.Sleep(100 * time.Microsecond)
		}
	}
}
