// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm move
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: moving buffers
 * Description: A buffer moves between memory and a BAR under guests that use it: they
 *	find every byte where it has gone, wait while it is on its way, and can be
 *	stopped meanwhile
 * Test category: functionality test
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm_loop.h"
#include "movable.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"

#define SIZE (8 * PAGE)
#define SEED 0x30fe000000000000ull
#define PRIVATE KVM_MEMORY_EXIT_FLAG_PRIVATE

#define SYSTEM MOVABLE_TO(DMA_BUF_MOVABLE_SYSTEM)
#define BAR MOVABLE_TO(DMA_BUF_MOVABLE_BAR)

static int movable = -1, dmabuf = -1;
static int stats = -1;	/* of vcpu */
static struct guest guest;
static struct vcpu *const vcpu = &guest.vcpu[0];
static struct mover mover;

/* One KVM_RUN, by a thread */
static struct {
	pthread_t thread;
	bool running;
	bool over;
	int error;
} run;

static void *run_once(void *arg)
{
	(void)arg;
	run.error = ioctl(vcpu->fd, KVM_RUN, 0) ? errno : 0;
	__atomic_store_n(&run.over, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool is_over(void)
{
	return __atomic_load_n(&run.over, __ATOMIC_ACQUIRE);
}

/* Whatever happens, a copy that is held must not be */
static void join(void)
{
	struct timespec patience;

	if (!run.running)
		return;
	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += 60;
	igt_abort_on_f(pthread_timedjoin_np(run.thread, NULL, &patience),
		       "the vCPU is stuck in the kernel\n");
	run.running = false;
}

static void give_up(void)
{
	if (movable >= 0)
		movable_release(movable);
	join();
}

#define give_up_unless(condition, ...) \
	do { \
		if (!(condition)) { \
			give_up(); \
			igt_assert_f(false, __VA_ARGS__); \
		} \
	} while (0)

static void begin_type(unsigned long type)
{
	give_up();
	mover_stop(&mover);
	guest_open(&guest, type, 2);
	close_fd(&stats);
	stats = vmm_stats_open(vcpu->fd);
	close_fd(&dmabuf);
	close_fd(&movable);
	movable = movable_open();
	dmabuf = movable_create(movable, SIZE);
	vmm_dmabuf(&guest.vmm, 1, BASE, dmabuf, 0, SIZE);
}

static void begin(void)
{
	begin_type(KVM_X86_DEFAULT_VM);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
}

static void check_buffer(uint64_t seed)
{
	uint64_t words[SIZE / 8], i;

	movable_read(movable, 0, words, SIZE);
	for (i = 0; i < SIZE / 8; i++)
		igt_assert_eq_u64(words[i], seed + i * 8);
}

static bool is_copying(void)
{
	struct dma_buf_movable_info info;

	movable_info(movable, &info);
	return info.copying;
}

/*
 * A vCPU wants bytes that are on their way: it comes to the kernel again and
 * again, and gets nothing
 */
static void start_waiting(void)
{
	uint64_t deadline = now_ms() + PATIENCE_MS, taken;

	taken = vmm_stats_read(stats, "pf_taken");
	run.over = false;
	vcpu_begin(vcpu, guest_load8, BASE + PAGE, 0, 0, 0);
	igt_assert(!pthread_create(&run.thread, NULL, run_once, NULL));
	run.running = true;
	while (vmm_stats_read(stats, "pf_taken") < taken + 3) {
		give_up_unless(!is_over(), "the vCPU does not wait\n");
		give_up_unless(now_ms() < deadline,
			       "the vCPU waits within one fault\n");
		usleep(1000);
	}
	give_up_unless(!is_over() && is_copying(), "the vCPU does not wait\n");
}

static void expect_loaded(uint64_t seed)
{
	join();
	igt_assert_eq(run.error, 0);
	igt_assert_eq(vcpu->run->exit_reason, KVM_EXIT_IO);
	igt_assert_eq_u64(vcpu->run->s.regs.regs.rax, seed + PAGE);
	vcpu->end = VCPU_DONE;
}

/**
 * SUBTEST: placements
 * Description: From every placement to every other: the guest reads what it wrote
 *	at the old one, the exporter what it writes at the new one
 */
static void placements(void)
{
	uint64_t seed = SEED;
	uint32_t from, to;

	for (from = 0; from < DMA_BUF_MOVABLE_NR_PLACEMENTS; from++) {
		for (to = 0; to < DMA_BUF_MOVABLE_NR_PLACEMENTS; to++) {
			movable_move(movable, MOVABLE_TO(from), 1, 0);
			vcpu_check(vcpu, BASE, SIZE, seed, 8);
			movable_move(movable, MOVABLE_TO(to), 1, 0);
			vcpu_check(vcpu, BASE, SIZE, seed, 8);
			seed += SIZE;
			vcpu_fill(vcpu, BASE, SIZE, seed, 8);
			check_buffer(seed);
		}
	}
}

/**
 * SUBTEST: under-load
 * Description: A thread moves the buffer while a vCPU writes to all of it: no fault
 *	reaches the VMM, and every word is that of the last store to it
 */
static void under_load(void)
{
	struct vcpu_loop *loop = &guest.loop[0];
	uint8_t data[SIZE];
	unsigned int i;

	vcpu_loop_start(loop, vcpu, BASE, SIZE / 64, 64);
	mover_start(&mover, movable, 8);
	for (i = 0; i < 20; i++) {
		mover_allow(&mover, 2);
		mover_wait(&mover);
		vcpu_loop_wait_done(loop);
	}
	mover_stop(&mover);
	vcpu_loop_stop(loop);
	igt_assert_eq_u64(vcpu_loop_faults(loop), 0);
	movable_read(movable, 0, data, SIZE);
	vcpu_loop_compare(loop, data);
}

/**
 * SUBTEST: waits
 * Description: An access to bytes whose copy has not begun waits for it, to memory
 *	and to the BAR, and reads what was copied
 */
static void waits(void)
{
	uint32_t to;

	for (to = 0; to < DMA_BUF_MOVABLE_NR_PLACEMENTS; to++) {
		movable_move(movable, MOVABLE_TO(to), 1, DMA_BUF_MOVABLE_HOLD);
		start_waiting();
		movable_release(movable);
		expect_loaded(SEED);
		vcpu_check(vcpu, BASE, SIZE, SEED, 8);
	}
}

/**
 * SUBTEST: prefault-waits
 * Description: KVM_PRE_FAULT_MEMORY returns EAGAIN during the copy, and works
 *	afterwards
 */
static void prefault_waits(void)
{
	igt_require(vmm_has(&guest.vmm, KVM_CAP_PRE_FAULT_MEMORY) == 1);
	movable_move(movable, BAR, 1, DMA_BUF_MOVABLE_HOLD);
	give_up_unless(__vcpu_prefault(vcpu, BASE, SIZE) == -EAGAIN,
		       "mapped before the bytes are there\n");
	igt_assert(is_copying());
	movable_release(movable);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE, PAGE), 0);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
}

static void *change_slots(void *arg)
{
	int *ret = arg, i;

	for (i = 0; i < 3 && !*ret; i++) {
		*ret = __vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), dmabuf, PAGE,
				    PAGE);
		if (!*ret)
			*ret = __vmm_delete(&guest.vmm, 2);
	}
	if (!*ret)
		*ret = __vmm_delete(&guest.vmm, 1);
	return NULL;
}

/**
 * SUBTEST: slots-while-waiting
 * Description: While a vCPU waits, other slots are created and deleted, also of the
 *	same buffer, and finally the slot it waits for
 */
static void slots_while_waiting(void)
{
	struct timespec patience;
	pthread_t thread;
	int ret = 0, stuck;

	movable_move(movable, SYSTEM, 1, DMA_BUF_MOVABLE_HOLD);
	start_waiting();
	igt_assert(!pthread_create(&thread, NULL, change_slots, &ret));
	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += PATIENCE_MS / 1000;
	stuck = pthread_timedjoin_np(thread, NULL, &patience);
	if (stuck) {
		give_up();
		pthread_join(thread, NULL);
	}
	igt_assert_f(!stuck, "slots cannot be changed while a vCPU waits\n");
	igt_assert_eq(ret, 0);
	/* Its slot is gone: it does not wait any more */
	join();
	igt_assert_eq(run.error, 0);
	igt_assert_eq(vcpu->run->exit_reason, KVM_EXIT_MMIO);
	igt_assert(is_copying());

	vmm_dmabuf(&guest.vmm, 1, BASE, dmabuf, 0, SIZE);
	igt_assert(is_copying());
	movable_release(movable);
	vcpu_check(&guest.vcpu[1], BASE, SIZE, SEED, 8);
}

static void nothing(int sig)
{
	(void)sig;
}

/**
 * SUBTEST: signal-while-waiting
 * Description: A signal ends the wait with EINTR and KVM_EXIT_INTR
 */
static void signal_while_waiting(void)
{
	struct sigaction action = { .sa_handler = nothing }, old;

	igt_assert_eq(sigaction(SIGUSR1, &action, &old), 0);
	movable_move(movable, SYSTEM, 1, DMA_BUF_MOVABLE_HOLD);
	start_waiting();
	igt_assert_eq(pthread_kill(run.thread, SIGUSR1), 0);
	join();
	igt_assert_eq(run.error, EINTR);
	igt_assert_eq(vcpu->run->exit_reason, KVM_EXIT_INTR);
	igt_assert(is_copying());
	sigaction(SIGUSR1, &old, NULL);
	movable_release(movable);
	igt_assert_eq(vcpu_run(vcpu), VCPU_DONE);
	igt_assert_eq_u64(vcpu->result, SEED + PAGE);
}

static int child(int ready)
{
	uint64_t taken;

	memset(&guest, 0, sizeof(guest));
	memset(&run, 0, sizeof(run));
	if (__guest_open(&guest, KVM_X86_DEFAULT_VM, 1) ||
	    __vmm_dmabuf(&guest.vmm, 1, BASE, dmabuf, 0, SIZE))
		return 1;
	stats = vmm_stats_open(vcpu->fd);
	taken = vmm_stats_read(stats, "pf_taken");
	vcpu_begin(vcpu, guest_load8, BASE + PAGE, 0, 0, 0);
	if (pthread_create(&run.thread, NULL, run_once, NULL))
		return 1;
	/* Code and tables fault, too: that many times it is none of those */
	while (vmm_stats_read(stats, "pf_taken") < taken + 16 && !is_over())
		usleep(1000);
	if (is_over() || write(ready, "w", 1) != 1)
		return 1;
	for (;;)
		pause();
}

/**
 * SUBTEST: kill-while-waiting
 * Description: A VMM is killed while its vCPU waits, and is gone before the copy
 *	begins
 */
static void kill_while_waiting(void)
{
	uint64_t deadline;
	int ready[2], status = 0;
	struct pollfd pollfd;
	pid_t pid, gone = 0;

	igt_assert_eq(pipe(ready), 0);
	movable_move(movable, SYSTEM, 1, DMA_BUF_MOVABLE_HOLD);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid)
		_exit(child(ready[1]));
	close(ready[1]);
	pollfd = (struct pollfd) { .fd = ready[0], .events = POLLIN };
	give_up_unless(poll(&pollfd, 1, 2 * PATIENCE_MS) == 1 &&
		       pollfd.revents & POLLIN,
		       "the child's vCPU does not wait, or not in several faults\n");
	close(ready[0]);
	kill(pid, SIGKILL);
	deadline = now_ms() + PATIENCE_MS;
	while (!(gone = waitpid(pid, &status, WNOHANG)) && now_ms() < deadline)
		usleep(1000);
	give_up_unless(gone == pid && WIFSIGNALED(status),
		       "a VMM that waits for a copy cannot be killed\n");
	igt_assert(is_copying());
	movable_release(movable);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
}

static void expect_refused(uint32_t flags)
{
	movable_move(movable, SYSTEM, 1, flags);
	vcpu_expect_fault(vcpu, BASE + PAGE, 0);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), dmabuf, 0,
				   SIZE), -EOPNOTSUPP);
	vcpu_expect_nothing(&guest.vcpu[1], BASE + GiB(1));
	vcpu_try_load(vcpu, BASE + PAGE, 8);
	igt_assert_eq(vcpu->end, VCPU_FAULT);
	movable_move(movable, BAR, 1, 0);
	igt_assert_eq(vcpu_run(vcpu), VCPU_DONE);
	igt_assert_eq_u64(vcpu->result, SEED + PAGE);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
}

/**
 * SUBTEST: to-encrypted
 * Description: A move to memory that only protected VMs may have: accesses of an
 *	ordinary one are memory faults until the buffer moves back, and no slot can
 *	be made of it
 */
static void to_encrypted(void)
{
	expect_refused(DMA_BUF_MOVABLE_ENCRYPTED);
}

/**
 * SUBTEST: to-uncached
 * Description: A move to RAM that is not write-back: accesses of an ordinary VM are
 *	memory faults until the buffer moves back
 */
static void to_uncached(void)
{
	expect_refused(DMA_BUF_MOVABLE_WC);
}

/**
 * SUBTEST: protected-to-encrypted
 * Description: A protected VM can use encrypted memory for private accesses only
 */
static void protected_to_encrypted(void)
{
	vmm_require(KVM_X86_SW_PROTECTED_VM);
	begin_type(KVM_X86_SW_PROTECTED_VM);
	vmm_convert(&guest.vmm, BASE, SIZE / 2, true);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	movable_move(movable, SYSTEM, 1, DMA_BUF_MOVABLE_ENCRYPTED);
	vcpu_check(vcpu, BASE, SIZE / 2, SEED, 8);
	vcpu_expect_fault(vcpu, BASE + SIZE / 2, 0);
	vmm_convert(&guest.vmm, BASE + SIZE / 2, SIZE / 2, true);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
}

/**
 * SUBTEST: protected-to-uncached
 * Description: A protected VM cannot use RAM that is not write-back at all
 */
static void protected_to_uncached(void)
{
	vmm_require(KVM_X86_SW_PROTECTED_VM);
	begin_type(KVM_X86_SW_PROTECTED_VM);
	vmm_convert(&guest.vmm, BASE, SIZE, true);
	movable_move(movable, SYSTEM, 1, DMA_BUF_MOVABLE_WC);
	vcpu_expect_fault(vcpu, BASE, PRIVATE);
}

/**
 * SUBTEST: closed
 * Description: The exporter's file is closed: every access is a memory fault from
 *	then on
 */
static void closed(void)
{
	movable_move(movable, BAR, 1, 0);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
	close_fd(&movable);
	vcpu_expect_fault(vcpu, BASE, 0);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), dmabuf, 0,
				   SIZE), -ENODEV);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "placements", placements },
		{ "under-load", under_load },
		{ "waits", waits },
		{ "prefault-waits", prefault_waits },
		{ "slots-while-waiting", slots_while_waiting },
		{ "signal-while-waiting", signal_while_waiting },
		{ "kill-while-waiting", kill_while_waiting },
		{ "to-encrypted", to_encrypted },
		{ "to-uncached", to_uncached },
		{ "protected-to-encrypted", protected_to_encrypted },
		{ "protected-to-uncached", protected_to_uncached },
		{ "closed", closed },
	};

	igt_fixture() {
		vmm_require(KVM_X86_DEFAULT_VM);
		movable_bind();
	}

	subtests(tests, begin, NULL);

	igt_fixture() {
		give_up();
		mover_stop(&mover);
		guest_close(&guest);
		close_fd(&stats);
		close_fd(&dmabuf);
		close_fd(&movable);
	}
}
