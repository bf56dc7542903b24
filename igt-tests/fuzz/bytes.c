// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "calls.h"

/* Those of a sequence, and no more: the oldest is forgotten */
#define NR 64

/* Of an inode's number, which counts those of a file system */
#define NUMBER_BITS 40

static struct fuzz_bytes known[NR];
static unsigned int next;

uint64_t fuzz_bytes_inode(int fd)
{
	struct stat st;

	/* Each file system counts for itself */
	return fstat(fd, &st) ? 0 : st.st_dev << NUMBER_BITS ^ st.st_ino;
}

uint64_t fuzz_bytes_number(const struct fuzz_bytes *bytes)
{
	return bytes->inode & ((1ull << NUMBER_BITS) - 1);
}

struct fuzz_bytes *fuzz_bytes_new(int fd)
{
	struct fuzz_bytes *bytes = &known[next++ % NR];
	uint64_t inode = fuzz_bytes_inode(fd);

	memset(bytes, 0, sizeof(*bytes));
	bytes->inode = inode;
	return inode ? bytes : NULL;
}

struct fuzz_bytes *fuzz_bytes_by_inode(uint64_t inode)
{
	unsigned int i;

	for (i = 0; inode && i < NR; i++)
		if (known[i].inode == inode)
			return &known[i];
	return NULL;
}

struct fuzz_bytes *fuzz_bytes_find(int fd)
{
	return fuzz_bytes_by_inode(fuzz_bytes_inode(fd));
}

void fuzz_bytes_forget(void)
{
	memset(known, 0, sizeof(known));
}

enum fuzz_reach fuzz_reach(const struct fuzz_bytes *bytes)
{
	return bytes && bytes->reach ? bytes->reach(bytes->data) : FUZZ_MAY;
}

uint64_t fuzz_word(const struct fuzz_bytes *bytes, uint64_t page)
{
	return bytes && page < FUZZ_KNOWN_PAGES ? bytes->word[page] : 0;
}

#define OWN 0x0e3full
#define BAR 0xba5eull

uint64_t fuzz_own_word(uint64_t inode, uint64_t page)
{
	return OWN << 48 | (inode & 0xffffffff) << 12 | page;
}

uint64_t fuzz_bar_word(uint64_t page)
{
	return BAR << 48 | page;
}

bool fuzz_is_own_word(uint64_t word)
{
	return word >> 48 == OWN;
}

bool fuzz_is_word(uint64_t word)
{
	return fuzz_is_own_word(word) || word >> 48 == BAR;
}

long fuzz_judge(const char *what, uint64_t inode, uint64_t page, bool reached,
		const uint64_t *word)
{
	const struct fuzz_bytes *bytes = fuzz_bytes_by_inode(inode);
	enum fuzz_reach reach = fuzz_reach(bytes);

	if (reached && reach == FUZZ_MUST_NOT)
		return fuzz_wrong("%s: page %" PRIu64 " of a dma-buf was reached without access",
				  what, page);
	if (!reached && reach == FUZZ_MUST)
		return fuzz_wrong("%s: page %" PRIu64 " of a live dma-buf was not reached",
				  what, page);
	if (reached && word && fuzz_word(bytes, page) &&
	    *word != fuzz_word(bytes, page))
		return fuzz_wrong("%s: page %" PRIu64 " of a dma-buf has 0x%" PRIx64 " instead of 0x%" PRIx64,
				  what, page, *word, fuzz_word(bytes, page));
	return 0;
}

static sigjmp_buf jump;
static volatile sig_atomic_t armed;

static void on_fault(int sig)
{
	if (armed)
		siglongjmp(jump, sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch(void)
{
	static bool caught;
	struct sigaction action = {
		.sa_handler = on_fault,
		.sa_flags = SA_NODEFER,
	};

	if (caught)
		return;
	caught = true;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

long fuzz_load(const void *at, uint64_t *word)
{
	int sig;

	catch();
	armed = 1;
	sig = sigsetjmp(jump, 0);
	if (!sig)
		*word = *(const volatile uint64_t *)at;
	armed = 0;
	return !sig ? 0 : sig == SIGBUS ? -EFAULT : -EACCES;
}

long fuzz_store(void *at, uint64_t word)
{
	int sig;

	catch();
	armed = 1;
	sig = sigsetjmp(jump, 0);
	if (!sig)
		*(volatile uint64_t *)at = word;
	armed = 0;
	return !sig ? 0 : sig == SIGBUS ? -EFAULT : -EACCES;
}
