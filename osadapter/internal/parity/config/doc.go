// Package config compares our reading of main.cf and master.cf with that of the
// installed Postfix: the output of "postconf -xh", "postconf -M" and "master -v -d"
// with ours, for the vectors of core/config and for generated configurations.
//
// What Postfix says about many forms of columns and options is also recorded, in
// testdata of core/config/advice, which judges the same forms on machines without
// Postfix. "make parity-record" renews the records.
//
// It contains only tests, which need Linux, root and Postfix and are skipped
// otherwise. Everything runs in namespaces (processes, mounts, network, host name)
// with private tables of hosts, services and accounts; the file system is read-only
// there, so that the Postfix of this machine is neither used nor changed, and the
// end of a run ends all its processes.
package config
