// SPDX-License-Identifier: MIT
/*
 * A guest that writes while the test does something else; whole guests
 */
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm_loop.h"
#include "sysfs.h"

#define SEED 0x100b000000000000ull

uint64_t vcpu_loop_word(uint64_t n)
{
	return SEED + n;
}

static void look_at_fault(struct vcpu_loop *loop)
{
	const struct vcpu_fault *fault = &loop->vcpu->fault;

	if (fault->gpa < (loop->gpa & ~4095ull) ||
	    fault->gpa >= loop->gpa + loop->words * loop->stride ||
	    fault->size != 4096 ||
	    (fault->flags != loop->flags && !loop->any_flags)) {
		if (!loop->nr_odd++)
			loop->odd = *fault;
	}
	__atomic_add_fetch(&loop->faults, 1, __ATOMIC_RELEASE);
}

static void *run(void *arg)
{
	struct vcpu_loop *loop = arg;

	while (vcpu_run(loop->vcpu) == VCPU_FAULT) {
		look_at_fault(loop);
		/* In the kernel it may fault for ever: so look out here */
		if (__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE))
			return NULL;
		usleep(200);
	}
	__atomic_store_n(&loop->over, true, __ATOMIC_RELEASE);
	return NULL;
}

int __vcpu_loop_start(struct vcpu_loop *loop, struct vcpu *vcpu, uint64_t gpa,
		      uint64_t words, uint64_t stride)
{
	int ret;

	loop->vcpu = vcpu;
	loop->gpa = gpa;
	loop->words = words;
	loop->stride = stride;
	loop->faults = 0;
	loop->nr_odd = 0;
	loop->stop = false;
	loop->over = false;
	vcpu_begin(vcpu, guest_loop, gpa, words * stride, vcpu_loop_word(0),
		   stride);
	ret = pthread_create(&loop->thread, NULL, run, loop);
	loop->running = !ret;
	return -ret;
}

void vcpu_loop_start(struct vcpu_loop *loop, struct vcpu *vcpu, uint64_t gpa,
		     uint64_t words, uint64_t stride)
{
	igt_assert_eq(__vcpu_loop_start(loop, vcpu, gpa, words, stride), 0);
	vcpu_loop_wait_done(loop);
}

uint64_t vcpu_loop_done(const struct vcpu_loop *loop)
{
	return loop->vcpu->mailbox->count;
}

unsigned long vcpu_loop_faults(const struct vcpu_loop *loop)
{
	return __atomic_load_n(&loop->faults, __ATOMIC_ACQUIRE);
}

void vcpu_loop_wait_done(struct vcpu_loop *loop)
{
	uint64_t before = vcpu_loop_done(loop), deadline = now_ms() + PATIENCE_MS;

	/* Around the range at least once */
	while (vcpu_loop_done(loop) < before + loop->words) {
		igt_assert_f(!__atomic_load_n(&loop->over, __ATOMIC_ACQUIRE),
			     "vCPU %u stopped writing: %s\n", loop->vcpu->index,
			     vcpu_ended(loop->vcpu));
		igt_assert_f(now_ms() < deadline,
			     "vCPU %u does not get on after %" PRIu64 " stores and %lu faults\n",
			     loop->vcpu->index, vcpu_loop_done(loop),
			     vcpu_loop_faults(loop));
		usleep(1000);
	}
}

void vcpu_loop_expect_stuck(struct vcpu_loop *loop)
{
	unsigned long faults = vcpu_loop_faults(loop);
	uint64_t deadline = now_ms() + PATIENCE_MS, done;

	/* The next but one has surely begun since */
	while (vcpu_loop_faults(loop) < faults + 2) {
		igt_assert_f(now_ms() < deadline,
			     "vCPU %u does not fault, after %" PRIu64 " stores\n",
			     loop->vcpu->index, vcpu_loop_done(loop));
		usleep(1000);
	}
	done = vcpu_loop_done(loop);
	usleep(20000);
	igt_assert_eq_u64(vcpu_loop_done(loop), done);
}

/* Says nothing of how it went */
static void end(struct vcpu_loop *loop)
{
	struct timespec patience;

	if (!loop->running)
		return;
	__atomic_store_n(&loop->stop, true, __ATOMIC_RELEASE);
	loop->vcpu->mailbox->stop = 1;
	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += 60;
	igt_abort_on_f(pthread_timedjoin_np(loop->thread, NULL, &patience),
		       "vCPU %u is stuck in the kernel\n", loop->vcpu->index);
	loop->running = false;
}

void vcpu_loop_stop(struct vcpu_loop *loop)
{
	end(loop);
	igt_assert_f(!loop->over || loop->vcpu->end == VCPU_DONE,
		     "vCPU %u: %s\n", loop->vcpu->index,
		     vcpu_ended(loop->vcpu));
	igt_assert_f(!loop->nr_odd,
		     "%lu odd faults, the first at 0x%" PRIx64 ", 0x%" PRIx64 " bytes, flags 0x%" PRIx64 "\n",
		     loop->nr_odd, loop->odd.gpa, loop->odd.size,
		     loop->odd.flags);
}

uint64_t vcpu_loop_expected(const struct vcpu_loop *loop, uint64_t word)
{
	uint64_t done = vcpu_loop_done(loop);

	/* The last store there: of those below done that went to this word */
	return vcpu_loop_word(done - 1 - (done - 1 - word) % loop->words);
}

void vcpu_loop_compare(const struct vcpu_loop *loop, const void *memory)
{
	uint64_t word;

	igt_assert_lte_u64(loop->words, vcpu_loop_done(loop));
	for (word = 0; word < loop->words; word++) {
		uint64_t is = *(const volatile uint64_t *)
			((const uint8_t *)memory + word * loop->stride);

		igt_assert_f(is == vcpu_loop_expected(loop, word),
			     "word %" PRIu64 " is 0x%" PRIx64 " instead of 0x%" PRIx64 " after %" PRIu64 " stores\n",
			     word, is, vcpu_loop_expected(loop, word),
			     vcpu_loop_done(loop));
	}
}

int __guest_open(struct guest *guest, unsigned long type, unsigned int nr)
{
	unsigned int i;
	int ret;

	guest_close(guest);
	guest->open = true;
	ret = __vmm_open(&guest->vmm, type);
	for (i = 0; i < nr && !ret; i++) {
		ret = __vcpu_open(&guest->vcpu[i], &guest->vmm, i);
		if (!ret)
			guest->nr++;
	}
	if (ret)
		guest_close(guest);
	return ret;
}

void guest_open(struct guest *guest, unsigned long type, unsigned int nr)
{
	int ret = __guest_open(guest, type, nr);

	igt_assert_f(!ret, "cannot make a VM of type %lu with %u vCPUs: %s\n",
		     type, nr, strerror(-ret));
}

void guest_close(struct guest *guest)
{
	unsigned int i;

	if (!guest->open)
		return;
	for (i = 0; i < guest->nr; i++) {
		end(&guest->loop[i]);
		vcpu_close(&guest->vcpu[i]);
	}
	vmm_close(&guest->vmm);
	guest->nr = 0;
	guest->open = false;
}
