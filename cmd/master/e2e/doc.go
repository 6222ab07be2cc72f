// Package e2e proves the master with real mail: Debian's Postfix, driven by its
// own postfix(1) command, runs under our master in private mail systems, each
// in a directory of its own with its own configuration, queue and log.
//
// It holds tests alone. It refuses to touch the system's own mail system: it
// reads the installed programs and the stock configuration, and writes nowhere
// but in a temporary directory; the one exception is /dev/log, which it binds
// only where nothing is and removes again. Nothing runs without the -e2e flag,
// without root, or without Debian's postfix; then the test skips by name.
//
// The environment variable E2E_MASTER names another master to be driven, such
// as the original, /usr/lib/postfix/sbin/master, to check the test itself.
package e2e
