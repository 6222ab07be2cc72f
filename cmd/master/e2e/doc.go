// Package e2e proves the master with real mail: Debian's Postfix, driven by its
// own postfix(1) command, runs under our master in private mail systems, each
// in a directory of its own with its own configuration, queue and log.
//
// Two of them have every program of Postfix in use that works without the DNS.
// In one, each program does its work once, and must be seen as a child of the
// master, by the effect, and by a line that this very process has logged. In
// the other, 2,000 messages travel in every way while all processes of each
// program are killed in turn with kill -9, and the master too, which is started
// anew at once: every message must arrive, and arrive once.
//
// No master can keep Postfix from sending a second copy when a process is
// killed after it did something with a message and before it could say so: a
// delivery agent between the delivery and its mark in the queue file, bounce(8)
// after the notice was sent, cleanup(8), pickup(8) or smtpd(8) after the message
// was accepted and before the sender was told. So each process is
// stopped before it is killed, and the queue files that it holds open are noted.
// A second copy passes only if such a process was killed with that very message
// in its hands, or if the client was never told that the message was accepted;
// the test names each. A copy more than these explain fails, and so does a lost
// message, whatever was killed. Under the original master, with E2E_MASTER, the
// same test finds second copies of the same kinds.
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
