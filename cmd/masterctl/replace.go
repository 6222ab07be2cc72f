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

// replaceFile replaces the text of a file completely or not at all: it writes a new
// file beside the old one, with the same owner, mode and (on Linux) extended
// attributes, including access control lists, syncs it to disk, and renames it. A
// symbolic link stays; the file that it points to is replaced. was is the text from
// which the new one was made: if the file has changed since, it is left alone.
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
	if err := keepAttributes(file, path); err != nil { // after the owner, because a change of owner removes some
		return err
	}
	if err := file.Chmod(old.Mode()); err != nil { // last, because both clear bits of it
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

// sameOwner sets the owner of the new file to that of the old one.
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

// syncDirectory makes the rename durable. The file is replaced already, so an
// operation that the file system does not support is no failure.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return nil // a directory that may be written and searched, but not read
	}
	defer directory.Close()
	if err := directory.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("it was replaced, but the change may be lost in a crash: %w", err)
	}
	return nil
}

// remedy says what to do about a file that cannot be used.
func remedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "; run masterctl as root, or change the permissions"
	case errors.Is(err, fs.ErrNotExist):
		return "; name the directory of master.cf with -c, or the file itself"
	case errors.Is(err, syscall.EISDIR):
		return "; name the file, not its directory"
	}
	return ""
}
