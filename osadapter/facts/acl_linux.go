package facts

import "golang.org/x/sys/unix"

// hasList reports whether a file has an access control list.
func hasList(path string) bool {
	n, err := unix.Getxattr(path, "system.posix_acl_access", nil)
	return err == nil && n > 0
}
