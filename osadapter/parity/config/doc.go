// Package config compares our reading of main.cf and master.cf with that of
// the installed Postfix: what "postconf -xh", "postconf -M" and
// "master -v -d" print, against ours, for the vectors of core/config and for
// generated configurations.
//
// What Postfix says of many forms of columns and of options is also recorded,
// in testdata of core/config/advice, which judges the same forms on machines
// without Postfix. "make parity-record" writes the records anew.
//
// It is made of tests alone, which need Linux, root and Postfix and skip
// otherwise. Everything runs in namespaces of its own (processes, mounts,
// network, host name) with private tables of hosts, services and accounts; the
// file system is read-only there, so that the Postfix of this machine is
// neither used nor touched, and the end of a run ends all its processes.
package config
