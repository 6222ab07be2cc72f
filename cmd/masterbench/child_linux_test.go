package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// buildChild compiles the child into a directory of the test.
func buildChild(t *testing.T) (dir string) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs a C compiler: " + err.Error())
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, childName+".c"), childSource, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := compile(dir, childName, bareProgram...); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A contract is what a master passes to a child: descriptors 0 to 6. It holds our
// ends of them.
type contract struct {
	files          []int
	report, client int
}

func (c *contract) keep(t *testing.T, fds ...int) {
	t.Cleanup(func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	})
}

func newContract(t *testing.T, dir string) *contract {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	c := &contract{}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	must(err)
	flow, status := make([]int, 2), [2]int{}
	must(unix.Pipe2(flow, unix.O_NONBLOCK|unix.O_CLOEXEC))
	status, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	must(err)
	address := &unix.SockaddrUnix{Name: filepath.Join(dir, "l")}
	must(unix.Bind(listener, address))
	must(unix.Listen(listener, 5))
	c.client, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	must(unix.Connect(c.client, address))
	c.report = status[0]
	c.files = []int{null, null, null, flow[0], flow[1], status[1], listener}
	c.keep(t, null, flow[0], flow[1], status[0], status[1], listener, c.client)
	return c
}

var goodArguments = []string{"child", "-z", "-n", "one", "-t", "unix", "oneshot", "one", "unix"}

// runChild returns the exit status and the complaints of the child.
func runChild(t *testing.T, dir string, argv, env []string, files []int) (pid, status int, complaint string) {
	t.Helper()
	attributes := &syscall.ProcAttr{Dir: dir, Env: env}
	for _, fd := range files {
		attributes.Files = append(attributes.Files, uintptr(fd))
	}
	pid, err := syscall.ForkExec(filepath.Join(dir, childName), argv, attributes)
	if err != nil {
		t.Fatal(err)
	}
	var how syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &how, 0, nil); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(filepath.Join(dir, complaintsName))
	return pid, how.ExitStatus(), strings.TrimSpace(string(text))
}

func TestChildServesAMasterThatKeepsItsSide(t *testing.T) {
	dir := buildChild(t)
	c := newContract(t, dir)
	pid, status, complaint := runChild(t, dir, goodArguments, []string{"GENERATION=12"}, c.files)
	if status != 0 || complaint != "" {
		t.Fatalf("exit status %d, complaint %q", status, complaint)
	}
	want := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, uint32(pid)), 0o12)
	text := make([]byte, 64)
	if n, err := unix.Read(c.client, text); err != nil || !bytes.Equal(text[:n], want) {
		t.Errorf("answer % x (%v), want % x", text[:n], err, want)
	}
	want = binary.NativeEndian.AppendUint32(want, 0) // taken
	if n, err := unix.Read(c.report, text); err != nil || !bytes.Equal(text[:n], want) {
		t.Errorf("report % x (%v), want % x", text[:n], err, want)
	}
}

func TestChildComplainsOfWhatIsWrong(t *testing.T) {
	built := buildChild(t)
	good := []string{"GENERATION=2"}
	for _, c := range []struct {
		name  string
		argv  []string
		env   []string
		spoil func(t *testing.T, c *contract)
		want  string
	}{
		{"no argument", []string{"child"}, good, nil, "argv: the first word"},
		{"path as first word", append([]string{"s/child"}, goodArguments[1:]...), good, nil, "argv: the first word"},
		{"another service", []string{"child", "-n", "two", "-t", "unix", "oneshot", "one", "unix"}, good, nil, "argv: -n"},
		{"another type", []string{"child", "-n", "one", "-t", "inet", "oneshot", "one", "unix"}, good, nil, "argv: -t"},
		{"unknown option", []string{"child", "-q", "-n", "one", "-t", "unix", "oneshot", "one", "unix"}, good, nil, "argv: an unknown option"},
		{"no generation", goodArguments, nil, nil, "GENERATION: not in"},
		{"generation 0", goodArguments, []string{"GENERATION=0"}, nil, "GENERATION: not a positive"},
		{"decimal generation", goodArguments, []string{"GENERATION=19"}, nil, "GENERATION: not octal"},
		{"standard output elsewhere", goodArguments, good, func(_ *testing.T, c *contract) { c.files[1] = c.files[4] }, "descriptors 0 to 2"},
		{"pipe the wrong way round", goodArguments, good, func(_ *testing.T, c *contract) { c.files[3], c.files[4] = c.files[4], c.files[3] }, "descriptor 3"},
		{"no flow pipe", goodArguments, good, func(_ *testing.T, c *contract) { c.files[4] = c.files[0] }, "descriptor 4"},
		{"channel that does not block", goodArguments, good, func(_ *testing.T, c *contract) { c.files[5] = c.files[6] }, "descriptor 5"},
		{"channel for a listener", goodArguments, good, func(t *testing.T, c *contract) {
			if err := unix.SetNonblock(c.report, true); err != nil {
				t.Fatal(err)
			}
			c.files[6] = c.report
		}, "descriptor 6: does not listen"},
		{"one too many", goodArguments, good, func(_ *testing.T, c *contract) { c.files = append(c.files, c.files[0]) }, "descriptor 7"},
		{"not prepared by a master", goodArguments, []string{"GENERATION=1"}, nil, ""},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Link(filepath.Join(built, childName), filepath.Join(dir, childName)); err != nil {
				t.Fatal(err)
			}
			given := newContract(t, dir)
			if c.spoil != nil {
				c.spoil(t, given)
			}
			_, status, complaint := runChild(t, dir, c.argv, c.env, given.files)
			if status != 1 || complaint == "" || !strings.HasPrefix(complaint, c.want) {
				t.Errorf("exit status %d, complaint %q, want %q", status, complaint, c.want)
			}
		})
	}
}
