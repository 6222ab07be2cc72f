// Package account keeps what is known of one machine from the events that it was given
// and the actions that it answered with, and from nothing else: its services, children,
// wakeups and reload, and what it must do in the step under way. The rules by which it
// is kept are taken from the specification, not from package core. It judges nothing.
package account
