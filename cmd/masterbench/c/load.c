/*
 * The clients of the bench. Every command prints one line of NAME=VALUE words
 * for each thing it was told; what goes wrong goes to standard error, and the
 * exit status is 1. It refuses to know a master's insides: it connects, reads,
 * signals, and measures time.
 *
 *   load yardstick PROGRAM N          vfork, exec, wait, N times
 *   load connect ADDRESS CLIENTS MS   one-shot connections, CLIENTS at a time
 *   load count ADDRESS CLIENTS N      the same, N connections
 *   load reload PID ADDRESS           SIGHUP, then connect until it is served
 *   load hold ADDRESS N WINDOW GATE   N connections that stay, to children of
 *                                     mode hold; then orders from standard input:
 *        idle       let all children become idle
 *        report MS  let all report as fast as they can
 *        exit       let all exit at once, and wait until they are reaped
 *
 * ADDRESS is unix:PATH or inet:PORT; in PATH "%d" is the number of the connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CLIENTS = 1024, MOST_SAMPLES = 1 << 20 };

/* No single thing takes longer than this, in seconds. */
static const double patience = 60;

static void fail(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	exit(1);
}

static void check(int holds, const char *what)
{
	if (!holds)
		fail("%s: %s", what, strerror(errno));
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void nap(long microseconds)
{
	struct timespec t = { 0, microseconds * 1000 };
	nanosleep(&t, NULL);
}

static double *samples;
static long sample_count;

static void note(double seconds)
{
	if (sample_count < MOST_SAMPLES)
		samples[sample_count++] = seconds * 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Gives the sample below which the share lies; they must be sorted. */
static double quantile(double share)
{
	return sample_count ? samples[(long)((sample_count - 1) * share)] : 0;
}

struct address {
	const char *path; /* NULL: inet */
	int port;
};

static struct address parse_address(const char *text)
{
	struct address a = { NULL, 0 };
	if (!strncmp(text, "unix:", 5))
		a.path = text + 5;
	else if (!strncmp(text, "inet:", 5))
		a.port = atoi(text + 5);
	else
		fail("not an address: %s", text);
	return a;
}

/* Gives a descriptor, or -1 with errno; in progress counts as connected. */
static int try_connect(const struct address *a, int number, int flags)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	struct sockaddr_in i = { .sin_family = AF_INET };
	struct sockaddr *to = (struct sockaddr *)&i;
	socklen_t size = sizeof i;
	int fd = socket(a->path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	check(fd >= 0, "socket");
	if (a->path) {
		snprintf(u.sun_path, sizeof u.sun_path, a->path, number);
		to = (struct sockaddr *)&u;
		size = sizeof u;
	} else {
		i.sin_port = htons(a->port);
		i.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	if (connect(fd, to, size) == 0 || errno == EINPROGRESS)
		return fd;
	int reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

struct answer {
	int32_t pid;
	uint32_t generation;
};

static void yardstick(const char *program, long n)
{
	char *argv[] = { (char *)program, "nothing", NULL };
	for (long i = 0; i < n; i++) {
		int status;
		double began = now();
		pid_t pid = vfork();
		if (pid == 0) {
			execv(program, argv);
			_exit(9);
		}
		check(pid > 0, "vfork");
		check(waitpid(pid, &status, 0) == pid, "wait");
		note(now() - began);
		if (status)
			fail("%s: status %d", program, status);
	}
	qsort(samples, sample_count, sizeof *samples, by_size);
	printf("median_us=%.2f low_us=%.2f\n", quantile(0.5), quantile(0.1));
}

struct client {
	int fd;
	int answered;
	double began;
};

static struct client clients[MOST_CLIENTS];
static uint32_t last_generation;

static void begin_client(int poll_set, const struct address *to, long i)
{
	struct client *c = &clients[i];
	struct epoll_event want = { .events = EPOLLIN, .data.u32 = i };
	c->answered = 0;
	c->began = now();
	c->fd = try_connect(to, i, SOCK_NONBLOCK);
	check(c->fd >= 0, "connect");
	check(epoll_ctl(poll_set, EPOLL_CTL_ADD, c->fd, &want) == 0, "epoll_ctl");
}

/* Gives 1 when the client has been served to the end. */
static int hear(struct client *c)
{
	struct answer text;
	ssize_t n = read(c->fd, &text, sizeof text);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	check(n >= 0, "read an answer");
	if (n == 0) {
		if (!c->answered)
			fail("a connection was closed without an answer");
		close(c->fd);
		return 1;
	}
	if (n != sizeof text || c->answered)
		fail("an answer of %zd bytes", n);
	note(now() - c->began);
	c->answered = 1;
	if (text.generation > last_generation)
		last_generation = text.generation;
	return 0;
}

/* Ends after this many seconds or connections, the one of the two that is not 0. */
static void connect_all(const struct address *to, long count, double duration, long most)
{
	long begun = 0, done = 0;
	int poll_set = epoll_create1(EPOLL_CLOEXEC);
	check(poll_set >= 0, "epoll_create1");
	if (count < 1 || count > MOST_CLIENTS)
		fail("clients: 1 to %d", MOST_CLIENTS);
	double began = now(), last = began;
	for (; begun < count && (!most || begun < most); begun++)
		begin_client(poll_set, to, begun);
	while (done < begun) {
		struct epoll_event ready[64];
		int n = epoll_wait(poll_set, ready, 64, (int)(patience * 1000));
		if (n < 0 && errno == EINTR)
			continue;
		check(n >= 0, "epoll_wait");
		if (n == 0)
			fail("no answer within %.0f s", patience);
		for (int i = 0; i < n; i++) {
			if (!hear(&clients[ready[i].data.u32]))
				continue;
			done++;
			last = now();
			if (most ? begun < most : last - began < duration) {
				begin_client(poll_set, to, ready[i].data.u32);
				begun++;
			}
		}
	}
	qsort(samples, sample_count, sizeof *samples, by_size);
	printf("connections=%ld seconds=%.6f median_us=%.2f high_us=%.2f generation=%u\n", done, last - began,
	       quantile(0.5), quantile(0.99), last_generation);
}

static void reload(pid_t master, const struct address *to)
{
	struct answer text;
	double began = now();
	check(kill(master, SIGHUP) == 0, "SIGHUP");
	for (;;) {
		int fd = try_connect(to, 0, 0);
		if (fd >= 0) {
			check(read(fd, &text, sizeof text) == sizeof text, "read the answer of the new service");
			double seconds = now() - began;
			check(read(fd, &text, 1) == 0, "read the end of the answer");
			printf("seconds=%.6f\n", seconds);
			return;
		}
		check(errno == ENOENT || errno == ECONNREFUSED, "connect to the new service");
		if (now() - began > patience)
			fail("the new service is not there within %.0f s", patience);
		nap(50);
	}
}

static int *held;
static pid_t *children;
static long held_count;

static void read_all(int fd, void *to, size_t size, const char *what)
{
	struct pollfd ready = { fd, POLLIN, 0 };
	if (poll(&ready, 1, (int)(patience * 1000)) != 1)
		fail("%s: nothing within %.0f s", what, patience);
	ssize_t n = read(fd, to, size);
	if (n != (ssize_t)size)
		fail("%s: %zd bytes", what, n);
}

/* Keeps up to window connections waiting for their answers. */
static void hold_all(const struct address *to, long n, long window)
{
	held = calloc(n, sizeof *held);
	children = calloc(n, sizeof *children);
	check(held && children, "calloc");
	double began = now();
	for (long done = 0; done < n; done++) {
		struct answer text;
		for (; held_count < n && held_count < done + window; held_count++) {
			held[held_count] = try_connect(to, held_count, 0);
			check(held[held_count] >= 0, "connect");
		}
		read_all(held[done], &text, sizeof text, "read an answer");
		children[done] = text.pid;
	}
	printf("ready=%ld seconds=%.6f\n", n, now() - began);
}

static void tell_all(const void *order, size_t size)
{
	for (long i = 0; i < held_count; i++)
		check(write(held[i], order, size) == (ssize_t)size, "tell a child");
}

static void let_idle(void)
{
	char rest;
	tell_all("i", 1);
	for (long i = 0; i < held_count; i++) {
		check(read(held[i], &rest, 1) == 0, "wait for the end of a connection");
		close(held[i]);
	}
	printf("idle=%ld\n", held_count);
	held_count = 0;
}

static void let_report(uint32_t duration)
{
	char order[5] = "r";
	uint64_t total = 0, one;
	memcpy(order + 1, &duration, sizeof duration);
	double began = now();
	tell_all(order, sizeof order);
	for (long i = 0; i < held_count; i++) {
		read_all(held[i], &one, sizeof one, "wait for a count");
		total += one;
	}
	printf("reports=%llu seconds=%.6f\n", (unsigned long long)total, now() - began);
}

static void let_exit(int gate)
{
	double began = now();
	close(gate);
	for (long i = 0; i < held_count; i++)
		while (kill(children[i], 0) == 0) {
			if (now() - began > patience)
				fail("children are not reaped within %.0f s", patience);
			nap(100);
		}
	printf("reaped=%ld seconds=%.6f\n", held_count, now() - began);
}

static void hold(const struct address *to, long n, long window, const char *gate_path)
{
	char order[64];
	int gate = open(gate_path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	check(gate >= 0, gate_path);
	hold_all(to, n, window);
	fflush(stdout);
	while (fgets(order, sizeof order, stdin)) {
		if (!strcmp(order, "idle\n"))
			let_idle();
		else if (!strncmp(order, "report ", 7))
			let_report(atoi(order + 7));
		else if (!strcmp(order, "exit\n"))
			let_exit(gate);
		else
			fail("an unknown order: %s", order);
		fflush(stdout);
	}
}

static void more_descriptors(void)
{
	struct rlimit files;
	check(getrlimit(RLIMIT_NOFILE, &files) == 0, "getrlimit");
	files.rlim_cur = files.rlim_max;
	check(setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	samples = calloc(MOST_SAMPLES, sizeof *samples);
	check(samples != NULL, "calloc");
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1);
	more_descriptors();
	if (!strcmp(mode, "yardstick") && argc == 4) {
		yardstick(argv[2], atol(argv[3]));
		return 0;
	}
	int second = !strcmp(mode, "reload");
	if (argc != (second ? 4 : !strcmp(mode, "hold") ? 6 : 5))
		fail("the arguments of \"%s\"", mode);
	struct address to = parse_address(argv[second ? 3 : 2]);
	if (second)
		reload(atoi(argv[2]), &to);
	else if (!strcmp(mode, "connect"))
		connect_all(&to, atol(argv[3]), atol(argv[4]) / 1e3, 0);
	else if (!strcmp(mode, "count"))
		connect_all(&to, atol(argv[3]), 0, atol(argv[4]));
	else if (!strcmp(mode, "hold"))
		hold(&to, atol(argv[3]), atol(argv[4]), argv[5]);
	else
		fail("an unknown mode: %s", mode);
	return 0;
}
