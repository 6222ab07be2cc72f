package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// memoryMount is where the file system in memory is mounted, in our namespace only.
const memoryMount = "/tmp"

// furnish sets up the namespaces: /proc with their own processes, a file system in
// memory with the programs, a /dev whose log socket is ours, and a loopback
// interface. It returns the directory to work in, and a note if that is not in
// memory.
func furnish(prepared string) (workDir, note string, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", "", fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return "", "", fmt.Errorf("mount /proc: %w", err)
	}
	if workDir, note, err = mountMemory(prepared); err != nil {
		return "", "", err
	}
	if err := mountDev(filepath.Join(workDir, "dev")); err != nil {
		return "", "", err
	}
	return workDir, note, raiseLoopback()
}

// mountMemory mounts a file system in memory and copies the programs there.
func mountMemory(prepared string) (workDir, note string, err error) {
	programs := map[string][]byte{}
	for _, name := range []string{childName, loadName, string(ours), string(original)} {
		programs[name], err = os.ReadFile(filepath.Join(prepared, name))
		if err != nil && name != string(original) {
			return "", "", err
		}
	}
	if err := unix.Mount("tmpfs", memoryMount, "tmpfs", 0, "mode=755"); err != nil {
		return prepared, fmt.Sprintf("not on a file system in memory: %v", err), nil
	}
	for name, content := range programs {
		if content == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(memoryMount, name), content, 0o755); err != nil {
			return "", "", err
		}
	}
	return memoryMount, "", nil
}

// mountDev mounts a directory over /dev, with the devices that a master needs.
func mountDev(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", path, err)
		}
	}
	if err := unix.Mount(dir, "/dev", "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	return nil
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring up the loopback interface: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bring up the loopback interface: %w", err)
	}
	return nil
}
