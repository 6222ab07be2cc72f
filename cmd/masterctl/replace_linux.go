package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// accessList is the attribute that holds a POSIX access control list.
const accessList = "system.posix_acl_access"

// maxAttribute bounds the total length of a file's attribute names, and the length
// of a value (XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux).
const maxAttribute = 64 << 10

// otherwise is the remedy: writing to the existing file keeps its attributes.
const otherwise = "run masterctl as root, or write it with: masterctl fmt FILE >NEW && cat NEW >FILE"

// keepAttributes copies to the new file the extended attributes of the old one at path,
// and no others: a directory can hand an access control list down to files created
// in it. Attributes decide who may read and write, so one that cannot be copied is
// an error. Call it while the mode excludes all other users, and set the mode
// afterwards: its meaning depends on the list.
func keepAttributes(file *os.File, path string) error {
	wanted, err := readAttributes(
		func(b []byte) (int, error) { return unix.Llistxattr(path, b) },
		func(name string, b []byte) (int, error) { return unix.Lgetxattr(path, name, b) })
	if err != nil {
		return err
	}
	fd := int(file.Fd())
	had, err := readAttributes(
		func(b []byte) (int, error) { return unix.Flistxattr(fd, b) },
		func(name string, b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
	if err != nil {
		return err
	}
	for _, a := range had {
		if slices.ContainsFunc(wanted, func(w attribute) bool { return w.name == a.name }) {
			continue
		}
		if err := unix.Fremovexattr(fd, a.name); err != nil && !errors.Is(err, unix.ENODATA) {
			return fmt.Errorf("the new file has an attribute %q that cannot be removed: %w; %s", a.name, err, otherwise)
		}
	}
	for _, a := range wanted {
		if slices.Contains(had, a) { // such as a label, which only the system itself may set
			continue
		}
		if err := a.set(fd); err != nil {
			return fmt.Errorf("the new file cannot have the same attribute %q: %w; %s", a.name, err, otherwise)
		}
	}
	return nil
}

// attribute is one extended attribute of a file.
type attribute struct{ name, value string }

// readAttributes returns the attributes of a file, the access control list last: it
// can deny the owner the right to set the others. A file on a file system without
// attributes has none.
func readAttributes(list func([]byte) (int, error), get func(string, []byte) (int, error)) (all []attribute, err error) {
	b := make([]byte, maxAttribute)
	n, err := list(b)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("its attributes cannot be listed: %w; %s", err, otherwise)
	}
	var access []attribute
	for name := range strings.SplitSeq(string(b[:n]), "\x00") { // every name ends with one
		if name == "" {
			continue
		}
		switch n, err := get(name, b); {
		case errors.Is(err, unix.ENODATA): // some are listed but do not exist
		case err != nil:
			return nil, fmt.Errorf("its attribute %q cannot be read: %w; %s", name, err, otherwise)
		case name == accessList:
			access = append(access, attribute{name, string(b[:n])})
		default:
			all = append(all, attribute{name, string(b[:n])})
		}
	}
	return append(all, access...), nil
}

// set sets the attribute of a file.
func (a attribute) set(fd int) error {
	if a.name == "security.ima" || a.name == "security.evm" {
		return errors.New("it vouches for the old text")
	}
	return unix.Fsetxattr(fd, a.name, []byte(a.value), 0)
}
