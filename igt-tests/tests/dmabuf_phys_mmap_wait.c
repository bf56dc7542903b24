// SPDX-License-Identifier: MIT
/*
 * Accesses to a mapping of a buffer whose copy has not begun: they wait for it, and
 * nobody else does. Part of dmabuf_phys_mmap, where the comments of its subtests are.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "cpu_access.h"
#include "igt_core.h"
#include "mmap_scene.h"
#include "movable.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"

#define SIZE (4 * PAGE)
#define WORD 0xfeedull
#define WATCH_MS 400

static int pipes[2];

/* Who makes the access, in a thread or a child. Return: 0 or -errno. */
static int by_program(const uint8_t *at, uint64_t *word)
{
	return __cpu_load(at, word);
}

static int by_kernel(const uint8_t *at, uint64_t *word)
{
	if (write(pipes[1], at, 8) != 8)
		return -errno;
	return read(pipes[0], word, 8) == 8 ? 0 : -errno;
}

/* Adds nothing to the word, with the address space locked while that is not there */
static int by_futex(const uint8_t *at, uint64_t *word)
{
	static uint32_t nobody;

	if (syscall(SYS_futex, &nobody, FUTEX_WAKE_OP_PRIVATE, 1, 1, at,
		    FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)) < 0)
		return -errno;
	return __cpu_load(at, word);
}

static const struct access {
	const char *name;
	int (*load)(const uint8_t *at, uint64_t *word);
} accesses[] = {
	{ "program", by_program },
	{ "kernel", by_kernel },
	{ "futex", by_futex },
};

static struct waiter {
	pthread_t thread;
	bool running;
	const struct access *access;
	const uint8_t *at;
	pid_t tid;
	int ret;
	uint64_t word;
	bool over;
} waiter;

static uint8_t *mapped;

static bool get(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void set(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

static bool is_copying(void)
{
	struct dma_buf_movable_info info;

	movable_info(movable, &info);
	return info.copying;
}

static void *wait_once(void *arg)
{
	(void)arg;
	__atomic_store_n(&waiter.tid, gettid(), __ATOMIC_RELEASE);
	waiter.ret = waiter.access->load(waiter.at, &waiter.word);
	set(&waiter.over, true);
	return NULL;
}

static bool __join(pthread_t thread)
{
	struct timespec patience;

	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += PATIENCE_MS / 1000;
	return !pthread_timedjoin_np(thread, NULL, &patience);
}

/* Whatever happens, a copy that is held must not be */
static void give_up(void)
{
	if (movable >= 0)
		movable_release(movable);
	if (waiter.running)
		igt_abort_on_f(!__join(waiter.thread), "an access is stuck in the kernel\n");
	waiter.running = false;
}

#define give_up_unless(condition, ...) \
	do { \
		if (!(condition)) { \
			give_up(); \
			igt_assert_f(false, __VA_ARGS__); \
		} \
	} while (0)

static void prepare(void)
{
	give_up();
	begin();
}

/* A buffer with words of which none can be loaded until the move goes on */
static void hold(void)
{
	with_movable(SIZE);
	mapped = cpu_map(dmabuf, NULL, SIZE, 0);
	cpu_store(mapped, WORD);
	movable_move(movable, MOVABLE_TO(DMA_BUF_MOVABLE_BAR), 1, DMA_BUF_MOVABLE_HOLD);
}

/* It sleeps, and not only for a page of its code */
static bool wait_asleep(pid_t tid)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	int looks = 0;

	while (looks < 50 && now_ms() < deadline) {
		usleep(1000);
		looks = strchr("SD", task_state(tid)) ? looks + 1 : 0;
	}
	return looks == 50;
}

static void start(const struct access *access)
{
	hold();
	waiter = (struct waiter){ .access = access, .at = mapped };
	igt_assert(!pthread_create(&waiter.thread, NULL, wait_once, NULL));
	waiter.running = true;
	while (!__atomic_load_n(&waiter.tid, __ATOMIC_ACQUIRE))
		usleep(1000);
	give_up_unless(wait_asleep(waiter.tid) && !get(&waiter.over) && is_copying(),
		       "%s: the access does not wait\n", access->name);
}

/* It gets the word, as soon as that is there */
static void finish(void)
{
	give_up_unless(is_copying() && !get(&waiter.over),
		       "the access did not wait for the copy\n");
	give_up();
	igt_assert_eq(waiter.ret, 0);
	igt_assert_eq_u64(waiter.word, WORD);
	igt_assert_eq(munmap(mapped, SIZE), 0);
}

/* What takes the lock of the address space, to write and to read */
static void *use_address_space(void *arg)
{
	int *ret = arg;
	char text[64];
	int i, fd;

	for (i = 0; i < 10; i++) {
		void *other = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
		if (other == MAP_FAILED || munmap(other, PAGE) || fd < 0 ||
		    read(fd, text, sizeof(text)) <= 0)
			*ret = -1;
		close(fd);
	}
	/* As well as the area that is waited for */
	if (mprotect(mapped + PAGE, PAGE, PROT_READ) || munmap(mapped + 2 * PAGE, PAGE))
		*ret = -1;
	return NULL;
}

static void others(const struct access *access)
{
	pthread_t thread;
	int ret = 0;
	bool done;

	start(access);
	igt_assert(!pthread_create(&thread, NULL, use_address_space, &ret));
	done = __join(thread);
	if (!done) {
		give_up();
		pthread_join(thread, NULL);
	}
	igt_assert_f(done, "%s: other threads wait as well\n", access->name);
	igt_assert_eq(ret, 0);
	finish();
}

static void *keep_busy(void *arg)
{
	while (!get(arg))
		;
	return NULL;
}

/* Nobody else has the dma-buf, and who waits gets a CPU last of all when the copy ends */
static void close_before_waiter_runs(void)
{
	const struct sched_param param = { 0 };
	bool enough = false;
	pthread_t busy;
	cpu_set_t one;
	int ret;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	igt_assert(!pthread_create(&busy, NULL, keep_busy, &enough));
	ret = pthread_setaffinity_np(busy, sizeof(one), &one) ?:
	      pthread_setaffinity_np(waiter.thread, sizeof(one), &one) ?:
	      pthread_setschedparam(waiter.thread, SCHED_IDLE, &param);
	close_fd(&movable);
	usleep(20000);
	set(&enough, true);
	pthread_join(busy, NULL);
	igt_assert_eq(ret, 0);
}

/* The area goes while its page is waited for, so there is nothing at the address then */
static void unmapped(void)
{
	int i;

	for (i = 0; i < 10; i++) {
		start(&accesses[1]);
		igt_assert_eq(munmap(mapped, SIZE), 0);
		close_fd(&dmabuf);
		give_up_unless(is_copying() && !get(&waiter.over),
			       "the access did not wait for the copy\n");
		if (i)
			close_before_waiter_runs();
		give_up();
		igt_assert_eq(waiter.ret, -EFAULT);
		close_fd(&movable);
	}
}

static bool handled;

static void handle(int sig)
{
	(void)sig;
	set(&handled, true);
}

static uint64_t cpu_ms(pthread_t thread)
{
	struct timespec is;
	clockid_t id;

	igt_assert(!pthread_getcpuclockid(thread, &id) && !clock_gettime(id, &is));
	return (uint64_t)is.tv_sec * 1000 + (uint64_t)is.tv_nsec / 1000000;
}

static void signals(const struct access *access)
{
	bool program = access->load == by_program;
	uint64_t deadline, used;

	handled = false;
	start(access);
	used = cpu_ms(waiter.thread);
	igt_assert_eq(pthread_kill(waiter.thread, SIGUSR1), 0);
	deadline = now_ms() + (program ? PATIENCE_MS : WATCH_MS);
	while (!get(&handled) && now_ms() < deadline)
		usleep(1000);
	give_up_unless(get(&handled) == program, "%s: %s\n", access->name,
		       program ? "no signal is handled" : "the kernel's access has ended");
	/* Nor does it turn round and round meanwhile */
	usleep(WATCH_MS * 1000);
	used = cpu_ms(waiter.thread) - used;
	give_up_unless(used < WATCH_MS / 2, "%s: %d ms of CPU spent waiting\n",
		       access->name, (int)used);
	finish();
	igt_assert(get(&handled));
}

static void kill_child(const struct access *access)
{
	uint64_t deadline, word;
	pid_t pid, gone = 0;
	int status = 0;

	hold();
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid)
		_exit(access->load(mapped, &word) ? 1 : 0);
	give_up_unless(wait_asleep(pid) && is_copying(), "%s: the child does not wait\n",
		       access->name);
	kill(pid, SIGKILL);
	deadline = now_ms() + PATIENCE_MS;
	while (!(gone = waitpid(pid, &status, WNOHANG)) && now_ms() < deadline)
		usleep(1000);
	give_up_unless(gone == pid && WIFSIGNALED(status),
		       "%s: who waits for a copy cannot be killed\n", access->name);
	igt_assert(is_copying());
	movable_release(movable);
	igt_assert_eq_u64(cpu_load(mapped), WORD);
	igt_assert_eq(munmap(mapped, SIZE), 0);
}

static void each(const char *name, size_t nr, void (*run)(const struct access *))
{
	static size_t i;

	igt_subtest_with_dynamic(name) {
		for (i = 0; i < nr; i++) {
			igt_dynamic(accesses[i].name) {
				prepare();
				run(&accesses[i]);
			}
		}
	}
}

static const struct subtest tests[] = {
	{ "unmapped-while-waiting", unmapped },
};

void mmap_wait_subtests(void)
{
	const struct sigaction action = { .sa_handler = handle };

	igt_fixture() {
		igt_assert_eq(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
		igt_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	}

	/* But for the futex */
	each("others-while-waiting", ARRAY_SIZE(accesses) - 1, others);
	each("signal-while-waiting", ARRAY_SIZE(accesses), signals);
	each("kill-while-waiting", ARRAY_SIZE(accesses), kill_child);
	subtests(tests, prepare, NULL);

	igt_fixture() {
		give_up();
		close(pipes[0]);
		close(pipes[1]);
	}
}
