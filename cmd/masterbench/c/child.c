/*
 * The smallest server that keeps the contract with master. It uses no C library:
 * what a library does before main costs several times what is measured here.
 *
 *   child OPTIONS MODE NAME TYPE
 *
 * OPTIONS are the master's; NAME and TYPE say what they must be. Modes:
 *
 *   nothing  exits at once, for the yardstick
 *   oneshot  serves one client: report taken, write the answer, exit
 *   twice    the same, but reports available before it exits
 *   hold     serves one client after the other and does what it says:
 *            'i'     close the connection, report available, wait for the next
 *            'r' N   (N: 32 bits) report available and taken in turn for N ms,
 *                    wait until all is read, answer with the count (64 bits)
 *            when the client leaves, or whoever holds the FIFO "gate" open
 *            for writing does, it exits
 *
 * The answer is two 32-bit numbers: process number and generation.
 *
 * Every child checks what it was given; what is wrong goes to the file
 * "complaints" in the queue directory, and the exit status is 1. It refuses to
 * serve a master that does not keep its side.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { FLOW_READ = 3, FLOW_WRITE = 4, STATUS = 5, LISTEN = 6, AFTER = 7 };
enum { TAKEN = 0, AVAILABLE = 1 };
enum { E_AGAIN = 11, E_INTR = 4, SIGNAL_PIPE = 13, OUTPUT_QUEUE = 0x5411 };

/* Of the checks that cost much, every so manieth child makes all. */
enum { THOROUGH_EVERY = 64 };

#if defined(__x86_64__)
static inline long call(long n, long a, long b, long c, long d, long e)
{
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return r;
}
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n\thlt\n");
#elif defined(__aarch64__)
static inline long call(long n, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl begin\n\tbrk #0\n");
#else
#error "the children know the system calls of x86-64 and arm64 only"
#endif

#define CALL(n, a, b, c) call(SYS_##n, (long)(a), (long)(b), (long)(c), 0, 0)

static void leave(int status)
{
	for (;;)
		CALL(exit_group, status, 0, 0);
}

static long length(const char *s)
{
	long n = 0;
	while (s[n])
		n++;
	return n;
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void complain(const char *what)
{
	char line[128];
	long n = length(what);
	if (n > (long)sizeof line - 1)
		n = sizeof line - 1;
	for (long i = 0; i < n; i++)
		line[i] = what[i];
	line[n] = '\n';
	long fd = call(SYS_openat, AT_FDCWD, (long)"complaints", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600, 0);
	CALL(write, fd, line, n + 1);
	leave(1);
}

static void demand(int holds, const char *otherwise)
{
	if (!holds)
		complain(otherwise);
}

static int32_t self;
static uint32_t generation;

/* Options of the master, then MODE NAME TYPE: gives MODE. */
static const char *check_arguments(int argc, char **argv)
{
	const char *name = "", *type = "";
	int i = 1;
	demand(argc > 4 && same(argv[0], "child"), "argv: the first word is not the command of master.cf");
	for (; i < argc && argv[i][0] == '-'; i++) {
		char option = argv[i][1];
		demand(option && !argv[i][2], "argv: an option of more than one letter");
		if (option == 'z' || option == 'l')
			continue;
		demand((option == 'n' || option == 't' || option == 'o') && ++i < argc, "argv: an unknown option");
		if (option == 'n')
			name = argv[i];
		else if (option == 't')
			type = argv[i];
		else
			demand(same(argv[i], "stress="), "argv: -o other than stress=");
	}
	demand(argc == i + 3, "argv: not three words after the options");
	demand(same(name, argv[i + 1]), "argv: -n is another service");
	demand(same(type, argv[i + 2]), "argv: -t is another type");
	return argv[i];
}

static void check_generation(char **environment)
{
	for (; *environment; environment++) {
		const char *want = "GENERATION=", *have = *environment;
		while (*want && *want == *have)
			want++, have++;
		if (*want)
			continue;
		demand(*have >= '1' && *have <= '7', "GENERATION: not a positive octal number");
		for (; *have; have++) {
			demand(*have >= '0' && *have <= '7', "GENERATION: not octal");
			generation = generation * 8 + (*have - '0');
		}
		return;
	}
	complain("GENERATION: not in the environment");
}

static void check_flags(int fd, int access, int nonblocking, const char *otherwise)
{
	long flags = CALL(fcntl, fd, F_GETFL, 0);
	demand(flags >= 0 && CALL(fcntl, fd, F_GETFD, 0) == 0, otherwise);
	demand((flags & O_ACCMODE) == access && !(flags & O_NONBLOCK) == !nonblocking, otherwise);
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof value;
	if (call(SYS_getsockopt, fd, SOL_SOCKET, option, (long)&value, (long)&size) < 0)
		return -1;
	return value;
}

static void check_descriptors(const char *type)
{
	struct stat is;
	for (int fd = 0; fd < 3; fd++)
		demand(CALL(fstat, fd, &is, 0) == 0 && S_ISCHR(is.st_mode) && is.st_rdev == makedev(1, 3),
		       "descriptors 0 to 2: not /dev/null");
	check_flags(FLOW_READ, O_RDONLY, 1, "descriptor 3: not the reading end of the flow pipe");
	check_flags(FLOW_WRITE, O_WRONLY, 1, "descriptor 4: not the writing end of the flow pipe");
	check_flags(STATUS, O_RDWR, 0, "descriptor 5: not a blocking status channel");
	demand(socket_option(STATUS, SO_DOMAIN) == AF_UNIX && socket_option(STATUS, SO_TYPE) == SOCK_STREAM,
	       "descriptor 5: not a unix stream socket");
	check_flags(LISTEN, O_RDWR, 1, "descriptor 6: not a non-blocking listener");
	demand(socket_option(LISTEN, SO_ACCEPTCONN) == 1, "descriptor 6: does not listen");
	demand(socket_option(LISTEN, SO_DOMAIN) == (same(type, "inet") ? AF_INET : AF_UNIX), "descriptor 6: another family");
	demand(CALL(fcntl, AFTER, F_GETFD, 0) < 0, "descriptor 7: is open");
}

static void check_thoroughly(void)
{
	static struct pollfd all[2048];
	struct stat is;
	struct rlimit files;
	unsigned long action[4] = { 0 };
	uint64_t blocked = 1;
	for (int i = 0; i < 2048; i++)
		all[i].fd = AFTER + i;
	call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&files, 0);
	demand(files.rlim_cur == files.rlim_max, "the soft limit on files is below the hard one");
	long count = files.rlim_cur < 2048 ? (long)files.rlim_cur : 2048;
	struct timespec none = { 0, 0 };
	call(SYS_ppoll, (long)all, count, (long)&none, 0, 0);
	for (int i = 0; i < count; i++)
		demand(all[i].revents == POLLNVAL, "descriptors: one above 6 is open");
	for (int fd = FLOW_READ; fd <= FLOW_WRITE; fd++)
		demand(CALL(fstat, fd, &is, 0) == 0 && S_ISFIFO(is.st_mode), "descriptors 3 and 4: not a pipe");
	call(SYS_rt_sigaction, SIGNAL_PIPE, 0, (long)action, 8, 0);
	demand(action[0] == 1, "SIGPIPE is not ignored");
	call(SYS_rt_sigprocmask, 0, 0, (long)&blocked, 8, 0);
	demand(blocked == 0, "signals are blocked");
	demand(CALL(geteuid, 0, 0, 0) == 0 && CALL(getegid, 0, 0, 0) == 0, "not started as root");
	demand(CALL(umask, 077, 0, 0) == 077, "the umask is not 077");
}

/* A report fails when the master has cut us off; it says so only to those that ask. */
static int report(int status)
{
	struct {
		int32_t pid;
		uint32_t generation;
		int32_t status;
	} message = { self, generation, status };
	return CALL(write, STATUS, &message, sizeof message) == sizeof message;
}

static int accept_client(void)
{
	struct pollfd ready[2] = { { LISTEN, POLLIN, 0 }, { STATUS, POLLIN, 0 } };
	for (;;) {
		long client = call(SYS_accept4, LISTEN, 0, 0, SOCK_CLOEXEC, 0);
		if (client >= 0)
			return client;
		demand(client == -E_AGAIN || client == -E_INTR, "descriptor 6: accept fails");
		call(SYS_ppoll, (long)ready, 2, 0, 0, 0);
		if (ready[1].revents)
			leave(0);
	}
}

static void answer(int client)
{
	uint32_t text[2] = { (uint32_t)self, generation };
	CALL(write, client, text, sizeof text);
}

static long milliseconds(void)
{
	struct timespec now;
	CALL(clock_gettime, CLOCK_MONOTONIC, &now, 0);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void report_in_turn(int client, uint32_t duration)
{
	uint64_t count = 0;
	int unread;
	struct timespec moment = { 0, 100000 };
	for (long end = milliseconds() + duration; milliseconds() < end;)
		for (int i = 0; i < 32; i++, count += 2)
			demand(report(AVAILABLE) && report(TAKEN), "descriptor 5: a report fails");
	do {
		demand(CALL(ioctl, STATUS, OUTPUT_QUEUE, &unread) == 0, "descriptor 5: does not tell what is unread");
		if (unread)
			CALL(nanosleep, &moment, 0, 0);
	} while (unread);
	CALL(write, client, &count, sizeof count);
}

/* Serves one client of mode hold; comes back when the client says 'i'. */
static void obey(int client)
{
	int gate = (int)call(SYS_openat, AT_FDCWD, (long)"gate", O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, 0);
	struct pollfd ready[2] = { { client, POLLIN, 0 }, { gate, POLLIN, 0 } };
	for (;;) {
		char order;
		uint32_t duration;
		ready[0].revents = ready[1].revents = 0;
		call(SYS_ppoll, (long)ready, 2, 0, 0, 0);
		if (ready[1].revents)
			leave(0);
		if (!ready[0].revents)
			continue;
		if (CALL(read, client, &order, 1) != 1)
			leave(0);
		if (order == 'i')
			break;
		demand(order == 'r' && CALL(read, client, &duration, 4) == 4, "an unknown order");
		report_in_turn(client, duration);
	}
	CALL(close, gate, 0, 0);
	CALL(close, client, 0, 0);
	if (!report(AVAILABLE))
		leave(0);
}

void begin(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);
	if (argc == 2 && same(argv[1], "nothing"))
		leave(0);
	const char *mode = check_arguments(argc, argv);
	check_generation(argv + argc + 1);
	check_descriptors(argv[argc - 1]);
	if (generation % THOROUGH_EVERY == 1)
		check_thoroughly();
	self = (int32_t)CALL(getpid, 0, 0, 0);
	for (;;) {
		int client = accept_client();
		report(TAKEN);
		answer(client);
		if (same(mode, "oneshot"))
			leave(0);
		if (same(mode, "twice")) {
			CALL(close, client, 0, 0);
			report(AVAILABLE);
			leave(0);
		}
		demand(same(mode, "hold"), "argv: an unknown mode");
		obey(client);
	}
}
