//go:build linux && amd64

package faults

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	kernelfault "github.com/stationmaster/stationmaster/sim/kernel/fault"
)

// Error numbers that core does not name.
const (
	enolck  core.Errno = 37
	enobufs core.Errno = 105
	edquot  core.Errno = 122
	ebusy   core.Errno = 16
	enodev  core.Errno = 19
)

// errnos are the errors that a call of each name may return. What Exec asks of the
// kernel has its table in sim/kernel; the others belong to the boot, the log and
// what happens between a fork and an exec.
var errnos = map[string][]core.Errno{
	"open":             kernelfault.ErrnosOf("open"),
	"read":             kernelfault.ErrnosOf("read"),
	"write":            append(kernelfault.ErrnosOf("write"), core.ENOSPC, edquot),
	"pread":            {core.EIO},
	"pwrite":           {core.EIO, core.ENOSPC, edquot},
	"fstat":            kernelfault.ErrnosOf("fstat"),
	"lstat":            kernelfault.ErrnosOf("lstat"),
	"stat":             kernelfault.ErrnosOf("lstat"),
	"chmod":            kernelfault.ErrnosOf("chmod"),
	"fchmod":           kernelfault.ErrnosOf("fchmod"),
	"unlink":           kernelfault.ErrnosOf("unlink"),
	"rename":           kernelfault.ErrnosOf("rename"),
	"mkfifo":           kernelfault.ErrnosOf("mkfifo"),
	"readlink":         {core.EACCES, core.EIO, core.ENOENT, core.ENOMEM},
	"getdents":         {core.EIO, core.ENOENT, core.ENOMEM},
	"chdir":            {core.EACCES, core.EIO, core.ELOOP, core.ENOENT, core.ENOMEM, core.ENOTDIR},
	"flock":            {core.EINTR, enolck, core.EAGAIN},
	"fsync":            {core.EIO, core.ENOSPC, edquot},
	"socket":           kernelfault.ErrnosOf("socket"),
	"socketpair":       kernelfault.ErrnosOf("socketpair"),
	"setsockopt":       kernelfault.ErrnosOf("setsockopt"),
	"socket-error":     {enobufs, core.ENOMEM}, // of the call itself
	"bind":             kernelfault.ErrnosOf("bind"),
	"listen":           kernelfault.ErrnosOf("listen"),
	"connect":          append(kernelfault.ErrnosOf("connect"), core.EINTR),
	"shutdown":         kernelfault.ErrnosOf("shutdown"),
	"getsockname":      kernelfault.ErrnosOf("getsockname"),
	"send":             kernelfault.ErrnosOf("send"),
	"send-descriptor":  kernelfault.ErrnosOf("send-descriptor"),
	"sendto":           {core.EINTR, enobufs, core.ENOMEM},
	"recvfrom":         {core.EINTR, enobufs, core.ENOMEM},
	"pipe":             kernelfault.ErrnosOf("pipe"),
	"epoll-create":     kernelfault.ErrnosOf("epoll-create"),
	"epoll-add":        kernelfault.ErrnosOf("epoll-add"),
	"epoll-modify":     kernelfault.ErrnosOf("epoll-modify"),
	"epoll-remove":     kernelfault.ErrnosOf("epoll-remove"),
	"epoll-wait":       {core.EINTR},
	"eventfd":          {core.EMFILE, core.ENFILE, core.ENOMEM, enodev},
	"poll":             {core.EINTR, core.ENOMEM},
	"fork":             {core.EAGAIN, core.ENOMEM},
	"execute":          kernelfault.ErrnosOf("start"),
	"wait":             kernelfault.ErrnosOf("wait"),
	"await-end":        {core.EINTR},
	"kill":             kernelfault.ErrnosOf("kill"),
	"dup":              {core.EINTR, ebusy},
	"set-status-flags": {core.EPERM},
	"duplicate":        {core.EMFILE, core.EINVAL},
	"setsid":           {core.EPERM},
	"get-limit":        {core.EPERM},
	"set-limit":        {core.EPERM, core.EINVAL},
	"setgroups":        kernelfault.ErrnosOf("assume"),
	"setgid":           {core.EPERM, core.EINVAL},
	"setuid":           {core.EPERM, core.EAGAIN, core.EINVAL},
	"setresgid":        kernelfault.ErrnosOf("assume"),
	"setresuid":        kernelfault.ErrnosOf("assume"),
}

// errnosAt returns the errors of a call at a place. A blocking pipe and an eventfd
// are in the kernel's memory: they cannot fail like a device or a network.
func errnosAt(p place) []core.Errno {
	switch {
	case p.label == wakerLabel:
		return []core.Errno{core.EINTR}
	case p.call == "read" && p.label == "pipe":
		return []core.Errno{core.EINTR}
	case logCalls[place{call: p.call, label: p.label}] != nil:
		return slices.Concat(errnos[p.call], logCalls[place{call: p.call, label: p.label}])
	}
	return errnos[p.call]
}

// wakerLabel is the label of the descriptor that wakes the loop.
const wakerLabel = "waker"

// numbers are the system call numbers of each name.
var numbers = map[string][]uint32{
	"open":             {unix.SYS_OPENAT},
	"read":             {unix.SYS_READ},
	"write":            {unix.SYS_WRITE},
	"pread":            {unix.SYS_PREAD64},
	"pwrite":           {unix.SYS_PWRITE64},
	"fstat":            {unix.SYS_FSTAT},
	"lstat":            {unix.SYS_NEWFSTATAT},
	"stat":             {unix.SYS_NEWFSTATAT},
	"chmod":            {unix.SYS_FCHMODAT},
	"fchmod":           {unix.SYS_FCHMOD},
	"unlink":           {unix.SYS_UNLINKAT},
	"rename":           {unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2},
	"mkfifo":           {unix.SYS_MKNODAT},
	"readlink":         {unix.SYS_READLINKAT},
	"getdents":         {unix.SYS_GETDENTS64},
	"chdir":            {unix.SYS_CHDIR},
	"flock":            {unix.SYS_FLOCK},
	"fsync":            {unix.SYS_FSYNC},
	"socket":           {unix.SYS_SOCKET},
	"socketpair":       {unix.SYS_SOCKETPAIR},
	"setsockopt":       {unix.SYS_SETSOCKOPT},
	"socket-error":     {unix.SYS_GETSOCKOPT},
	"bind":             {unix.SYS_BIND},
	"listen":           {unix.SYS_LISTEN, unix.SYS_BIND},
	"connect":          {unix.SYS_CONNECT},
	"shutdown":         {unix.SYS_SHUTDOWN},
	"getsockname":      {unix.SYS_GETSOCKNAME},
	"send":             {unix.SYS_SENDMSG},
	"send-descriptor":  {unix.SYS_SENDMSG},
	"sendto":           {unix.SYS_SENDTO},
	"recvfrom":         {unix.SYS_RECVFROM},
	"pipe":             {unix.SYS_PIPE2},
	"epoll-create":     {unix.SYS_EPOLL_CREATE1},
	"epoll-add":        {unix.SYS_EPOLL_CTL},
	"epoll-modify":     {unix.SYS_EPOLL_CTL},
	"epoll-remove":     {unix.SYS_EPOLL_CTL},
	"epoll-wait":       {unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2},
	"eventfd":          {unix.SYS_EVENTFD2},
	"poll":             {unix.SYS_POLL, unix.SYS_PPOLL},
	"fork":             {unix.SYS_CLONE, unix.SYS_CLONE3},
	"execute":          {unix.SYS_EXECVE},
	"wait":             {unix.SYS_WAIT4},
	"await-end":        {unix.SYS_WAITID},
	"kill":             {unix.SYS_KILL},
	"dup":              {unix.SYS_DUP2, unix.SYS_DUP3},
	"set-status-flags": {unix.SYS_FCNTL},
	"duplicate":        {unix.SYS_FCNTL},
	"setsid":           {unix.SYS_SETSID},
	"get-limit":        {unix.SYS_PRLIMIT64},
	"set-limit":        {unix.SYS_PRLIMIT64},
	"setgroups":        {unix.SYS_SETGROUPS},
	"setgid":           {unix.SYS_SETGID},
	"setuid":           {unix.SYS_SETUID},
	"setresgid":        {unix.SYS_SETRESGID},
	"setresuid":        {unix.SYS_SETRESUID},
}
