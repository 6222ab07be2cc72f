package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestFullDiskLosesNothing(t *testing.T) {
	needRoot(t)
	s := newSite(t, "", "")
	disk := s.path("disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("needs to mount a small disk:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, 0) })
	text := strings.Repeat("foo unix - - n - - foo\n", 1500)
	s.write("disk/master.cf", text)
	r := s.run("fmt", "-w", "-c", disk)
	r.expect(t, exitError, "", "no space left on device")
	if s.read("disk/master.cf") != text || len(names(t, disk)) != 1 {
		t.Errorf("something changed: %q", names(t, disk))
	}
}
