// SPDX-License-Identifier: MIT
/*
 * Checks what the fuzzer expects of its calls, and of the kernel
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "array.h"
#include "bytes.h"
#include "complaint.h"
#include "execute.h"
#include "igt_core.h"
#include "ops.h"

/* Whether the only step of a text may fail like this */
static bool may_fail(const char *text, int error)
{
	struct fuzz_sequence *seq = malloc(sizeof(*seq));
	const struct fuzz_step *step;
	bool may;

	igt_assert(seq);
	igt_assert_eq((int)fuzz_parse(fuzz_ops(), text, seq), 0);
	igt_assert_eq_u32(seq->nr, 1);
	step = &seq->step[0];
	may = fuzz_is_documented(fuzz_ops()->op[step->op], step, error);
	free(seq);
	return may;
}

static long refuse(const uint64_t *arg)
{
	(void)arg;
	return -EINVAL;
}

static const struct fuzz_op refused = {
	.name = "refuse", GIVES_NOTHING, CALL(refuse),
	ARGS(ARG("watch", RES(FUZZ_WATCH)),), ERRNOS(OTHER_FILE),
};

static enum fuzz_reach must(uint64_t unused)
{
	(void)unused;
	return FUZZ_MUST;
}

/* The kernel's log, if not NULL: lines, and an empty one for those that are lost */
static const char *const *records;

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);

ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	size_t length;

	if (!records)
		return __real_read(fd, bytes, size);
	if (!*records || !**records) {
		errno = *records++ ? EPIPE : EAGAIN;
		return -1;
	}
	length = strlen(*records);
	igt_assert(length <= size);
	memcpy(bytes, *records++, length);
	return (ssize_t)length;
}

static bool complains(const char *const *lines, struct fuzz_report *report)
{
	bool ret;

	memset(report, 0, sizeof(*report));
	records = lines;
	ret = fuzz_complaint(-1, report);
	records = NULL;
	return ret;
}

int igt_main()
{
	igt_describe("Only what makes no sense may get the errnos of nonsense, and nothing an undocumented one");
	igt_subtest("errnos") {
		/* File, address, size, flags, dma-buf, reserved */
		static const char *const nonsense[] = {
			"watch>0 =0x3 0x1000 0x10 0 0x800 0",
			"watch>0 0 0xff8 0x10 0 0x800 0",
			"watch>0 0 0x2008 0x10 0 0x800 0",
			"watch>0 0 0x1000 =0x1000 0 0x800 0",
			"watch>0 0 0x1000 0x10 0 0x900 0",
		};
		static const char *const sense = "watch>0 0 0x1000 0x10 0 0x800 0";
		size_t i;

		igt_assert(may_fail(sense, EOPNOTSUPP));
		igt_assert(may_fail(sense, EBADF));
		igt_assert(!may_fail(sense, EFAULT));
		igt_assert(!may_fail(sense, ENOTTY));
		igt_assert(!may_fail(sense, ENOMEM));
		/* Beside what takes access away and gives it back */
		igt_assert(may_fail("reset 0x2", EBUSY));
		/* Atomics, which edu has not */
		igt_assert(may_fail("reg-mr>0 0x800 0 0x1000 0 =0x9", EOPNOTSUPP));
		igt_assert(may_fail("reg-memory-mr>0 0 0x1000 =0x9", EOPNOTSUPP));
		/* Another file's ioctl of the same number */
		igt_assert(may_fail("reset-info 0x100 0x1000 0x100", ENODEV));
		for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
			igt_assert(may_fail(nonsense[i], EFAULT));
			igt_assert(!may_fail(nonsense[i], EXDEV));
		}
	}

	igt_describe("What another file may be refused with the right one may not");
	igt_subtest("other-file") {
		struct fuzz_step step = { .arg = { FUZZ_WATCH << 8 } };

		fuzz_set(FUZZ_DEVICE, 0, STDIN_FILENO);
		igt_assert_eq(fuzz_execute(&refused, &step), -EINVAL);
		fuzz_set(FUZZ_WATCH, 0, STDIN_FILENO);
		igt_assert_eq(fuzz_execute(&refused, &step), -FUZZ_WRONG);
		step.raw = 1;
		igt_assert_eq(fuzz_execute(&refused, &step), -EINVAL);
		step.raw = 0;
		fuzz_set(FUZZ_DEVICE, 0, -1);
		igt_assert_eq(fuzz_execute(&refused, &step), -EINVAL);
	}

	igt_describe("What an ioctl may write is what is there from then on, and nothing else may change");
	igt_subtest("room") {
		const struct fuzz_room room = { .size = sizeof(int) };
		const uint64_t at = fuzz_at(FUZZ_PAGE);
		int fds[2];

		igt_assert_eq(pipe(fds), 0);
		/* Writes 0, which is not what is there */
		igt_assert_eq(fuzz_checked(fuzz_ioctl((uint64_t)fds[0], FIONREAD, at), at, room), 0);
		igt_assert_eq(fuzz_checked(0, at, (struct fuzz_room) { 0 }), 0);
		fuzz_put(at, "changed", 8);
		igt_assert_eq(fuzz_checked(fuzz_ioctl((uint64_t)fds[0], FIONREAD, at), at + 1, room),
			      -FUZZ_WRONG);
		fuzz_put(at, "changed", 8);
		fuzz_ioctl((uint64_t)fds[0], FIONREAD, at);
		igt_assert_eq(fuzz_checked(-EINVAL, at, room), -FUZZ_WRONG);
		fuzz_put(at, "changed", 8);
		fuzz_ioctl((uint64_t)fds[0], FIONREAD, at);
		igt_assert_eq(fuzz_checked(-EINVAL, at, (struct fuzz_room) { .size = 4, .tells = true }),
			      -EINVAL);
		close(fds[0]);
		close(fds[1]);
	}

	igt_describe("A load has to bring the word of its page, and 0 is another one");
	igt_subtest("lost") {
		struct fuzz_bytes *bytes = fuzz_bytes_new(STDIN_FILENO);
		uint64_t word = fuzz_bar_word(0);

		igt_assert(bytes);
		bytes->reach = must;
		bytes->word[0] = word;
		igt_assert_eq(fuzz_judge("a load", bytes->inode, 0, true, &word), 0);
		word = fuzz_bar_word(1);
		igt_assert_eq(fuzz_judge("a load", bytes->inode, 0, true, &word), -FUZZ_WRONG);
		word = 0;
		igt_assert_eq(fuzz_judge("a load", bytes->inode, 0, true, &word), -FUZZ_WRONG);
		igt_assert_eq(fuzz_judge("a store", bytes->inode, 0, true, NULL), 0);
		fuzz_bytes_forget();
	}

	igt_describe("No mapping of a memfd punches a hole into what udmabufs are made of");
	igt_subtest("hole") {
		const uint64_t pages[] = { 1, 1 }, remove[] = { 0, 2, 0, 1, MADV_REMOVE };
		int memfd = (int)call_memfd(pages);
		const uint64_t map[] = { (uint64_t)memfd, 3, MAP_SHARED, FUZZ_PAGE, 0, 0 };
		const uint64_t over[] = { (uint64_t)memfd, 0, 0, 1 };
		const uint64_t anonymous[] = { 1, 3, 1, 0 };
		uint64_t word;

		igt_assert_fd(memfd);
		fuzz_at(0);
		igt_assert_eq((int)call_map(map), 0);
		igt_assert_eq((int)call_change(remove), -EINVAL);
		igt_assert_eq((int)call_map_anonymous(anonymous), 0);
		igt_assert_eq((int)call_change(remove), 0);
		igt_assert_eq((int)call_map_anonymous(anonymous), 0);
		igt_assert_eq((int)call_map_at(over), 0);
		igt_assert_eq((int)call_change(remove), -EINVAL);
		igt_assert_eq((int)pread(memfd, &word, sizeof(word), 0), (int)sizeof(word));
		igt_assert_eq_u64(word, fuzz_own_word(fuzz_bytes_inode(memfd), 0));
		close(memfd);
	}

	igt_describe("A descriptor that there is no room for is not the one that was sent");
	igt_subtest("pass") {
		const uint64_t pass[] = { STDIN_FILENO, 1 };
		const int spare[2] = { dup(STDIN_FILENO), dup(STDIN_FILENO) };
		struct rlimit before, two;
		long ret;

		igt_assert_fd(spare[0]);
		igt_assert_fd(spare[1]);
		close(spare[0]);
		close(spare[1]);
		ret = call_pass(pass);
		igt_assert_lt(STDIN_FILENO, (int)ret);
		close((int)ret);
		igt_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
		two = before;
		/* They are for the sockets */
		two.rlim_cur = (rlim_t)spare[1] + 1;
		igt_assert_eq(setrlimit(RLIMIT_NOFILE, &two), 0);
		ret = call_pass(pass);
		igt_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		igt_assert_eq((int)ret, -EMFILE);
	}

	igt_describe("The kernel's log is read to its end, also behind lines that were overwritten");
	igt_subtest("complaint") {
		static const char *const lines[] = {
			"6,1,1,-;all is well\n", "", "6,9,1,-;all is well\n", "",
			"4,20,1,-;WARNING: not all\n", "4,21,1,-;BUG: the next\n", NULL,
		};
		struct fuzz_report *report = fuzz_report_new();

		igt_assert(report);
		igt_assert(complains(lines, report));
		igt_assert_eq(strcmp(report->why, "the kernel says: WARNING: not all"), 0);
		igt_assert_eq_u64(report->lost, 2);
		/* Nothing that anybody has read, and nothing lost */
		igt_assert(!complains(&lines[ARRAY_SIZE(lines) - 1], report));
		igt_assert_eq_u64(report->lost, 0);
	}
}
