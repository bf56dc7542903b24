// SPDX-License-Identifier: GPL-2.0
/*
 * Who has which dma-bufs: one process, and all of them
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holders.h"
#include "info.h"
#include "message.h"
#include "procfs.h"
#include "text.h"
#include "units.h"
#include "verb.h"

struct one_process {
	int only;
	const struct info_how *how;
	struct json_object *list;
	unsigned int nr;
	int ret;
};

static int show_fd(pid_t pid, int number, void *arg)
{
	struct one_process *p = arg;
	struct json_object *obj;
	struct dmabuf dmabuf;
	char spec[64];
	int ret;

	/* It may close the file while we look */
	if ((p->only >= 0 && number != p->only) ||
	    dmabuf_read(&dmabuf, pid, number))
		return 0;
	snprintf(spec, sizeof(spec), "process %d, fd %d", pid, number);
	dmabuf.fd = dmabuf_take(pid, number);
	if (dmabuf.fd < 0) {
		dmabuf.query_error = -dmabuf.fd;
	} else {
		dmabuf_ask(&dmabuf, p->how->route);
		close(dmabuf.fd);
	}
	if (p->list) {
		obj = info_json(&dmabuf, p->how->route);
		if (p->how->users)
			holders_json(p->how->users, dmabuf.inode, obj);
		json_number(obj, "fd", (uint64_t)number);
		json_append(p->list, obj);
	} else {
		if (p->nr)
			putchar('\n');
		info_print(&dmabuf, spec, p->how->route);
		if (p->how->users)
			holders_print(p->how->users, dmabuf.inode);
	}
	p->nr++;
	ret = info_verdict(&dmabuf, spec, p->how->route);
	if (ret)
		p->ret = ret;
	dmabuf_release(&dmabuf);
	return 0;
}

int info_process(pid_t pid, int only, const struct info_how *how)
{
	struct one_process p = { .only = only, .how = how };
	char what[32], comm[PROCFS_COMM];
	struct json_object *obj;
	int ret;

	snprintf(what, sizeof(what), "process %d", pid);
	if (how->json)
		p.list = json_new_array();
	procfs_comm(pid, comm);
	ret = procfs_each_fd(pid, show_fd, &p);
	if (ret == -ENOENT) {
		complain(what, NULL, "there is no such process");
	} else if (ret == -EACCES || ret == -EPERM) {
		complain(what,
			 as_root("run it as root, or as the user of that process"),
			 "no permission to look at its files");
	} else if (ret) {
		complain(what, NULL, "cannot look at its files: %s",
			 strerror(-ret));
	} else if (only >= 0 && !p.nr) {
		complain(what, NULL, "fd %d is no dma-buf", only);
		ret = -EINVAL;
	}
	if (ret) {
		json_object_put(p.list);
		return EXIT_FAILED;
	}
	if (how->json) {
		obj = json_new_object();
		json_number(obj, "pid", (uint64_t)pid);
		json_text(obj, "command", comm);
		json_member(obj, "buffers", p.list);
		json_print(obj, "info-process");
	} else if (!p.nr) {
		printf("%s, %s, has no dma-buf open\n", what, comm);
	} else if (how->users) {
		holders_print_rest(how->users, true);
	}
	return p.ret;
}

struct everything {
	struct holders holders;
	void *tree;	/* of @buffers, by inode */
	struct dmabuf **buffers;
	size_t nr_buffers;
	pid_t *pids;
	size_t nr_pids;
};

static void *checked(void *memory)
{
	if (!memory) {
		complain(NULL, NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	return memory;
}

static int by_inode(const void *a, const void *b)
{
	const struct dmabuf *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static struct dmabuf *find_buffer(struct everything *all, ino_t inode)
{
	const struct dmabuf key = { .inode = inode };
	struct dmabuf **found = tfind(&key, &all->tree, by_inode), *buffer;

	if (found)
		return *found;
	buffer = checked(calloc(1, sizeof(*buffer)));
	buffer->inode = inode;
	checked(tsearch(buffer, &all->tree, by_inode));
	/* Grown by doubling: at each power of two */
	if (!(all->nr_buffers & (all->nr_buffers - 1)))
		all->buffers = checked(reallocarray(all->buffers,
						    2 * all->nr_buffers + 1,
						    sizeof(*all->buffers)));
	all->buffers[all->nr_buffers++] = buffer;
	return buffer;
}

static void add_fd(const struct dmabuf *read, pid_t pid, int number, void *arg)
{
	struct dmabuf *known = find_buffer(arg, read->inode);

	/* The first that may be taken answers for all */
	if (known->exporter[0] && !known->query_error)
		return;
	dmabuf_release(known);
	*known = *read;
	known->fd = dmabuf_take(pid, number);
	known->query_error = known->fd < 0 ? -known->fd : 0;
	if (known->fd >= 0) {
		dmabuf_ask(known, NULL);
		close(known->fd);
	}
}

static int by_pid(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Each process once, and what is mapped only among the buffers as well */
static void list_pids(struct everything *all)
{
	const struct uses *uses = &all->holders.uses;
	size_t i, nr = 0;

	all->pids = checked(calloc(uses->nr + 1, sizeof(*all->pids)));
	for (i = 0; i < uses->nr; i++) {
		find_buffer(all, uses->list[i]->inode);
		all->pids[i] = uses->list[i]->pid;
	}
	qsort(all->pids, uses->nr, sizeof(*all->pids), by_pid);
	for (i = 0; i < uses->nr; i++)
		if (!i || all->pids[i] != all->pids[nr - 1])
			all->pids[nr++] = all->pids[i];
	all->nr_pids = nr;
}

static const char *label_of(const struct dmabuf *b)
{
	return b->name[0] ? b->name : b->exporter;
}

static void print_row(const struct everything *all, const struct dmabuf *b,
		      size_t first, size_t last)
{
	struct use **use, **end;
	size_t nr, p;

	use = uses_of(&all->holders.uses, b->inode, &nr);
	for (end = use + nr, p = first; p < last; p++) {
		while (use < end && (*use)->pid < all->pids[p])
			use++;
		if (use < end && (*use)->pid == all->pids[p])
			printf(" %7u", (*use)->fds + (*use)->maps);
		else
			printf(" %7s", ".");
	}
	putchar('\n');
}

static void print_rows(const struct everything *all, size_t width, size_t first,
		       size_t last)
{
	char size[UNITS_TEXT];
	size_t i, p;

	printf("  %6s  %-7s  ", "SIZE", "STATE");
	text_column(width, "NAME");
	for (p = first; p < last; p++)
		printf(" %7d", all->pids[p]);
	putchar('\n');
	for (i = 0; i < all->nr_buffers; i++) {
		const struct dmabuf *b = all->buffers[i];

		printf("  %6s  %-7s  ", format_size(b->size, size),
		       b->query_error || !b->exporter[0] ?
			       "-" : dmabuf_phys_state_name(b->query.state));
		text_column(width, label_of(b));
		print_row(all, b, first, last);
	}
}

static void print_grid(const struct everything *all)
{
	char size[UNITS_TEXT], comm[PROCFS_COMM];
	size_t i, p, width = 4, columns;
	uint64_t sum = 0;

	for (i = 0; i < all->nr_buffers; i++)
		if (text_length(label_of(all->buffers[i])) > width)
			width = text_length(label_of(all->buffers[i]));
	/* As many processes beside each other as fit, one at least */
	columns = 19 + width + 8 < text_width() ?
			  (text_width() - 19 - width) / 8 : 1;
	for (p = 0; p < all->nr_pids; p += columns) {
		if (p)
			putchar('\n');
		print_rows(all, width, p,
			   p + columns < all->nr_pids ? p + columns :
							all->nr_pids);
	}
	if (all->nr_pids)
		putchar('\n');
	for (p = 0; p < all->nr_pids; p++) {
		procfs_comm(all->pids[p], comm);
		printf("  %7d  %s\n", all->pids[p], comm);
	}
	for (i = 0; i < all->nr_buffers; i++) {
		char *what = text_format("%s: ", label_of(all->buffers[i]));

		holders_print_devices(&all->holders, all->buffers[i]->inode, what);
		free(what);
	}
	for (i = 0; i < all->nr_buffers; i++)
		sum += all->buffers[i]->size;
	if (all->nr_buffers)
		printf("\n%zu dma-buf%s, %s, in %zu process%s; in the grid: file descriptors and mappings\n",
		       all->nr_buffers, all->nr_buffers == 1 ? "" : "s",
		       format_size(sum, size), all->nr_pids,
		       all->nr_pids == 1 ? "" : "es");
	else
		puts("no process has a dma-buf");
	holders_print_rest(&all->holders, false);
}

static void print_all_json(const struct everything *all)
{
	struct json_object *obj = json_new_object();
	struct json_object *list = json_new_array(), *buffer;
	size_t i;

	for (i = 0; i < all->nr_buffers; i++) {
		buffer = info_json(all->buffers[i], NULL);
		holders_json(&all->holders, all->buffers[i]->inode, buffer);
		json_append(list, buffer);
	}
	json_member(obj, "buffers", list);
	if (all->holders.some)
		json_null(obj, "hidden_processes");
	else
		json_number(obj, "hidden_processes", all->holders.hidden);
	json_print(obj, "info-all");
}

static void no_free(void *buffer)
{
	(void)buffer;
}

int info_all(bool json)
{
	struct everything all = { 0 };
	size_t i;
	int ret;

	ret = holders_find(&all.holders, add_fd, &all);
	list_pids(&all);
	if (ret)
		complain("/proc", NULL, "cannot look at all processes: %s",
			 strerror(-ret));
	else if (json)
		print_all_json(&all);
	else
		print_grid(&all);
	tdestroy(all.tree, no_free);
	for (i = 0; i < all.nr_buffers; i++) {
		dmabuf_release(all.buffers[i]);
		free(all.buffers[i]);
	}
	free(all.buffers);
	free(all.pids);
	holders_free(&all.holders);
	return ret ? EXIT_FAILED : EXIT_OK;
}
