// Package checks has the functions that find a law broken: each looks at the account of a
// machine, and at an event, an action, a view or the kernel, and returns what is wrong,
// or "". Which law each of them belongs to is said in the table of package laws.
package checks
