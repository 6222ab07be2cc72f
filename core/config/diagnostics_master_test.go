package config

// diagnosedMaster are mistakes by the sections of spec config, 5 and 6.
var diagnosedMaster = []diagnosis{
	{
		"5.1: too few columns",
		"",
		"foo\nbar unix -\nbaz unix - - - - -\n  # no command\n",
		[]string{
			`error master.cf:1:4 MASTER: line 1: missing "transport type" field => an entry has eight columns, service type private unpriv chroot wakeup maxproc command; write - for a default`,
			`error master.cf:2:11 MASTER: line 2: missing "unprivileged" field => an entry has eight columns, service type private unpriv chroot wakeup maxproc command; write - for a default`,
			`error master.cf:3:19 MASTER: line 3: missing "command" field => an entry has eight columns, service type private unpriv chroot wakeup maxproc command; write - for a default`,
		},
	},
	{
		"5.1: the value of an option on a line of its own",
		"",
		"a unix - - - - - x -o\nx=y\n-o\ny=z\n-v\nb unix - - - - - x -o\nc unix - - - - - x\nx=y\n",
		[]string{
			`error master.cf:2:1 MASTER: line 2: missing "transport type" field => put a blank at the beginning of each line from 2 to 5, so that they continue the entry at line 1`,
			`error master.cf:8:4 MASTER: line 8: missing "transport type" field => an entry has eight columns, service type private unpriv chroot wakeup maxproc command; write - for a default`,
		},
	},
	{
		"5.1: lines that have lost their indentation",
		"",
		"-o x=y\na unix - - - - - x\n-o x=y\n# why\n-v\n  -o z=1\nflags=R user=x argv=/bin/x\n{ -o a=b }\nb unix - - - - - x\n${recipient}\n" +
			"-x unix - - - - - x\nuser=x unix - - - - - x\nc unix - - - - - x\n-o -o -o -o -o -o -o -o\n",
		[]string{
			`error master.cf:1:4 MASTER: line 1: bad transport type: x=y => use inet, unix, fifo, pass or unix-dgram, in lower case`,
			`error master.cf:3:1 MASTER: line 3: bad transport type: x=y => put a blank at the beginning of each line from 3 to 8, so that they continue the entry at line 2`,
			`error master.cf:10:1 MASTER: line 10: missing "transport type" field => put a blank at the beginning of the line, so that it continues the entry at line 9`,
			`error master.cf:14:1 MASTER: line 14: bad transport type: -o => put a blank at the beginning of the line, so that it continues the entry at line 13`,
		},
	},
	{
		"5.1: columns without a default",
		"",
		"foo - - - - - - x\nbar unix - - - - - -\n",
		[]string{
			`error master.cf:1:5 MASTER: line 1: field "transport type" has no default value => use inet, unix, fifo, pass or unix-dgram, in lower case`,
			`error master.cf:2:20 MASTER: line 2: field "command" has no default value => write the name of a program in the daemon directory`,
		},
	},
	{
		"5.1: bad columns, all of them",
		"",
		"foo unix Y yes N x ? -\n  {a\n",
		[]string{
			`error master.cf:1:10 MASTER: line 1: field "private": bad value: "Y" => write y, n or - for the default`,
			`error master.cf:1:12 MASTER: line 1: field "unprivileged": bad value: "yes" => write y, n or - for the default`,
			`error master.cf:1:16 MASTER: line 1: field "chroot": bad value: "N" => write y, n or - for the default`,
			`error master.cf:1:18 MASTER: line 1: field "wakeup_time": bad value: "x" => write a number from 0 to 2147483647 or - for the default`,
			`error master.cf:1:20 MASTER: line 1: field "max_proc": bad value: "?" => write a number from 0 to 2147483647 or - for the default`,
			`error master.cf:1:22 MASTER: line 1: field "command" has no default value => write the name of a program in the daemon directory`,
			`error master.cf:2:3 MASTER: line 1: missing '}' in "{a" => close each brace, and put a blank after the last`,
		},
	},
	{
		"5.1: types",
		"",
		"foo tcp - - - - - x\nbar INET n - - - - x\n",
		[]string{
			"error master.cf:1:5 MASTER: line 1: bad transport type: tcp => use inet, unix, fifo, pass or unix-dgram, in lower case",
			"error master.cf:2:5 MASTER: line 2: bad transport type: INET => use inet, unix, fifo, pass or unix-dgram, in lower case",
		},
	},
	{
		"5.1: private inet",
		"",
		"25 inet - - - - - x\n26 inet y - - - 1x x\n",
		[]string{
			"error master.cf:1:9 MASTER: line 1: inet service cannot be private => write n in the private column",
			"error master.cf:2:9 MASTER: line 2: inet service cannot be private => write n in the private column",
			`info master.cf:2:17 MASTER: line 2: field "max_proc": "1x" is taken as 1 => write the number alone, without a unit`,
		},
	},
	{
		"5.1: no address",
		"inet_interfaces =\n",
		"25 inet n - - - - x\n",
		[]string{
			"warning main.cf:1:1 MAIN, line 8: overriding earlier entry: inet_interfaces=127.0.0.1 => remove one of the two entries; this one counts, not that of line 6",
			"error master.cf:1:1 MASTER: line 1: no valid IP address found: 25 => put a host before the port, or give inet_interfaces a value",
		},
	},
	{
		"5.2: numbers",
		"",
		"foo unix - - - -1 +1 x\nbar unix - - - 60x 10? x\nbaz unix - - - 2147483648 4294967297 x\n",
		[]string{
			`error master.cf:1:16 MASTER: line 1: field "wakeup_time": bad value: "-1" => write a number from 0 to 2147483647 or - for the default`,
			`error master.cf:1:19 MASTER: line 1: field "max_proc": bad value: "+1" => write a number from 0 to 2147483647 or - for the default`,
			`info master.cf:2:16 MASTER: line 2: field "wakeup_time": "60x" is taken as 60 => write the number alone, without a unit`,
			`info master.cf:2:20 MASTER: line 2: field "max_proc": "10?" is taken as 10 => write the number alone, without a unit`,
			`error master.cf:3:16 MASTER: line 3: field "wakeup_time": bad value: "2147483648" => write a number from 0 to 2147483647 or - for the default`,
			`info master.cf:3:27 MASTER: line 3: field "max_proc": "4294967297" is taken as 1 => write the number alone, without a unit`,
		},
	},
	{
		"5.3: inet names",
		"",
		"[::1:25 inet n - - - - x\n[::1]25 inet n - - - x x\n[IPv6:x]:25 inet n - - - - x\n[::1] inet n - - - - x\na..b:25 inet n - - - - x\n127.0.0.1 inet n - - - - x\nnowhere.example:25 inet n - - - - x\n",
		[]string{
			`error master.cf:1:1 MASTER: line 1: missing "]" in "[::1:25" => write port, host:port or [address]:port`,
			`error master.cf:2:1 MASTER: line 2: garbage after "]" in "[::1]25" => write port, host:port or [address]:port`,
			`error master.cf:2:22 MASTER: line 2: field "max_proc": bad value: "x" => write a number from 0 to 2147483647 or - for the default`,
			`error master.cf:3:1 MASTER: line 3: malformed IPv6 address in "[IPv6:x]:25" => write port, host:port or [address]:port`,
			`error master.cf:4:1 MASTER: line 4: missing service information in "[::1]" => write port, host:port or [address]:port`,
			`error master.cf:5:1 MASTER: line 5: valid hostname or network address required in "a..b:25" => write port, host:port or [address]:port`,
			`error master.cf:6:1 MASTER: line 6: garbage after numerical service in "127.0.0.1" => write port, host:port or [address]:port`,
			"error master.cf:7:1 MASTER: line 7: bad hostname or network address: nowhere.example:25 => use a host with an address of a family in inet_protocols",
		},
	},
	{
		"5.3: host names that are no UTF-8",
		"",
		"a\u00ff.example:25 inet n - - - - x\n\u00c3\u00a9..b:25 inet n - - - - x\n",
		[]string{
			"warning master.cf:1:1 midna_domain_to_ascii_create: Problem translating domain \"a?.example\" to ASCII form: malformed UTF-8 => write the name in UTF-8",
			"error master.cf:1:1 MASTER: line 1: valid hostname or network address required in \"a?.example:25\" => write port, host:port or [address]:port",
			"error master.cf:2:1 MASTER: line 2: valid hostname or network address required in \"??..b:25\" => write port, host:port or [address]:port",
		},
	},
	{
		"5.3: ports",
		"",
		"nosuch inet n - - - - x\n127.0.0.1:70000 inet n - - - - x\n",
		[]string{
			"error master.cf:1:1 127.0.0.1:nosuch: Servname not supported for ai_socktype => use a port number, or a TCP service of /etc/services",
			"info master.cf:2:11 MASTER: line 2: port 70000 is taken modulo 65536, as 4464 => write a port from 1 to 65535",
		},
	},
	{
		"5.4: interfaces",
		"inet_interfaces = 127.0.0.1, nowhere.example\n  198.51.100.7 198.51.100.8\n",
		"25 inet n - - - - x\n",
		[]string{
			"warning main.cf:1:1 MAIN, line 8: overriding earlier entry: inet_interfaces=127.0.0.1 => remove one of the two entries; this one counts, not that of line 6",
			"error main.cf:1:30 config variable inet_interfaces: host not found: nowhere.example => name hosts or addresses of the families in inet_protocols; write all and loopback-only alone and in lower case",
			"error main.cf:2:3 parameter inet_interfaces: no local interface found for 198.51.100.7 => name addresses of this machine, or use all or loopback-only",
			"error main.cf:2:16 parameter inet_interfaces: no local interface found for 198.51.100.8 => name addresses of this machine, or use all or loopback-only",
		},
	},
	{
		"5.4: interfaces of others",
		"inet_interfaces = 127.0.0.1, 198.51.100.8\n  198.51.100.7\n",
		"25 inet n - - - - x\n",
		[]string{
			"warning main.cf:1:1 MAIN, line 8: overriding earlier entry: inet_interfaces=127.0.0.1 => remove one of the two entries; this one counts, not that of line 6",
			"error main.cf:2:3 parameter inet_interfaces: no local interface found for 198.51.100.7 => name addresses of this machine, or use all or loopback-only",
			"error main.cf:1:30 parameter inet_interfaces: no local interface found for 198.51.100.8 => name addresses of this machine, or use all or loopback-only",
		},
	},
	{
		"5.4: protocols",
		"inet_protocols = ipv4, ipv5 ipv6 IPv6\n",
		"25 inet n - - - - x\n",
		[]string{
			"warning main.cf:1:1 MAIN, line 8: overriding earlier entry: inet_protocols=all => remove one of the two entries; this one counts, not that of line 7",
			`error main.cf:1:24 unknown inet_protocols value "ipv5" in "ipv4, ipv5 ipv6 IPv6" => use all, ipv4 or ipv6, in lower case`,
			`error main.cf:1:34 unknown inet_protocols value "IPv6" in "ipv4, ipv5 ipv6 IPv6" => use all, ipv4 or ipv6, in lower case`,
		},
	},
	{
		"5.4: no protocol",
		"inet_protocols =\n",
		"25 inet n - - - - x\n",
		[]string{
			"warning main.cf:1:1 MAIN, line 8: overriding earlier entry: inet_protocols=all => remove one of the two entries; this one counts, not that of line 7",
			"warning main.cf:1:17 all network protocols are disabled (inet_protocols = ) => name a family in inet_protocols if services of type inet are wanted",
			`warning main.cf:1:17 disabling all type "inet" services in master.cf => name a family in inet_protocols if services of type inet are wanted`,
		},
	},
	{
		"5.5: ports of one's own",
		"known_tcp_ports = a, 1=2, b=c,\n  d=, =3, e=4 5, f g=6, h=7, h=8\n",
		"",
		[]string{
			`warning main.cf:1:19 known_tcp_ports: in "a" is not in "name = value" form => write name = port, with commas between the items`,
			`warning main.cf:1:22 known_tcp_ports: in " 1=2": numerical service name => write name = port, with commas between the items`,
			`warning main.cf:1:27 known_tcp_ports: in " b=c": non-numerical service port => write name = port, with commas between the items`,
			`warning main.cf:2:3 known_tcp_ports: in "  d=": missing port value after "=" => write name = port, with commas between the items`,
			`warning main.cf:2:7 known_tcp_ports: in " =3": missing service name before "=" => write name = port, with commas between the items`,
			`warning main.cf:2:11 known_tcp_ports: in " e=4 5": whitespace in port number => write name = port, with commas between the items`,
			`warning main.cf:2:18 known_tcp_ports: in " f g=6": whitespace in service name => write name = port, with commas between the items`,
			`warning main.cf:2:30 known_tcp_ports: in " h=8": duplicate service name => write name = port, with commas between the items`,
		},
	},
	{
		"5.6: braces",
		"",
		"foo unix - - - - - x {a}b {c d\n",
		[]string{
			`error master.cf:1:22 MASTER: line 1: syntax error after '}' in "{a}b" => close each brace, and put a blank after the last`,
			`error master.cf:1:27 MASTER: line 1: missing '}' in "{c d" => close each brace, and put a blank after the last`,
		},
	},
	{
		"5.8: duplicates",
		"",
		"25 inet n - - - - x\nfoo unix - - - - - x\nsmtp inet n - - - 5 x\n",
		[]string{
			`warning master.cf:3:1 duplicate master.cf entry for service "25" (25) -- using the last entry => remove one of the entries; this one counts, not that of line 1`,
		},
	},
	{
		"5.8: one address",
		"inet_interfaces = 127.0.0.1\n",
		"25 inet n - - - - x\n127.0.0.1:smtp inet n - - - - x\n",
		[]string{
			"info master.cf:2:1 MASTER: line 2: address 127.0.0.1:25 is also that of the entry in line 1; each receives some of the clients => give one of them another address or port",
		},
	},
	{
		"both files",
		"max_use = x\ninet_protocols = no\n",
		"foo unix x - - - - x\nbar\nbaz unix - - - - - x\n",
		[]string{
			"warning main.cf:2:1 MAIN, line 9: overriding earlier entry: inet_protocols=all => remove one of the two entries; this one counts, not that of line 7",
			`error main.cf:2:18 unknown inet_protocols value "no" in "no" => use all, ipv4 or ipv6, in lower case`,
			"error main.cf:1:11 bad numerical configuration: max_use = x => write a decimal number of at most 2147483647, without a unit",
			`error master.cf:1:10 MASTER: line 1: field "private": bad value: "x" => write y, n or - for the default`,
			`error master.cf:2:4 MASTER: line 2: missing "transport type" field => an entry has eight columns, service type private unpriv chroot wakeup maxproc command; write - for a default`,
		},
	},
}
