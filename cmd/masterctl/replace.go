package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// replaceFile gives a file a new text, whole or not at all: the text goes to a
// new file beside it, which gets the same owner, mode and (on Linux) extended
// attributes, access control lists among them, reaches the disk, and then takes
// the name. A symbolic link stays; what it points to is replaced.
// was is the text that the new one was made of: if the file has another by
// now, it is left alone.
func replaceFile(name string, was, is []byte) (err error) {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	old, err := os.Lstat(path)
	if err != nil {
		return err
	}
	status, ok := old.Sys().(*syscall.Stat_t)
	switch {
	case !old.Mode().IsRegular() || !ok:
		return errors.New("it is no regular file")
	case status.Nlink > 1:
		return fmt.Errorf("it has %d hard links, of which only one would change; write it with: masterctl fmt FILE >NEW", status.Nlink)
	}
	directory := filepath.Dir(path)
	file, err := os.CreateTemp(directory, "."+filepath.Base(path)+".masterctl-*")
	if err != nil {
		return fmt.Errorf("%w%s", err, remedy(err))
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if _, err := file.Write(is); err != nil {
		return err
	}
	if err := sameOwner(file, status); err != nil {
		return err
	}
	if err := keepAttributes(file, path); err != nil { // after the owner: a change of owner takes some away
		return err
	}
	if err := file.Chmod(old.Mode()); err != nil { // last: both clear bits of it
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	now, err := readFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, was) {
		return errors.New("it changed meanwhile; try again")
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDirectory(directory)
}

// sameOwner gives the new file the owner of the old.
func sameOwner(file *os.File, old *syscall.Stat_t) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid == old.Uid && s.Gid == old.Gid {
		return nil
	}
	if err := file.Chown(int(old.Uid), int(old.Gid)); err != nil {
		return fmt.Errorf("the new file cannot have the same owner: %w; run masterctl as root", err)
	}
	return nil
}

// syncDirectory makes the new name last. The file is replaced already, so what
// a file system cannot do is no failure.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return nil // a directory that may be written and searched, but not read
	}
	defer directory.Close()
	if err := directory.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("it was replaced, but may be lost in a crash: %w", err)
	}
	return nil
}

// remedy says what to do about a file that cannot be used.
func remedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "; run masterctl as root, or get the permission"
	case errors.Is(err, fs.ErrNotExist):
		return "; name the directory of master.cf with -c, or the file itself"
	case errors.Is(err, syscall.EISDIR):
		return "; name the file, not its directory"
	}
	return ""
}
