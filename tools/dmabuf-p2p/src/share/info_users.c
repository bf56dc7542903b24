// SPDX-License-Identifier: GPL-2.0
/*
 * Who has which dma-bufs: one process, and all of them
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "info.h"
#include "message.h"
#include "procfs.h"
#include "text.h"
#include "units.h"
#include "verb.h"

struct one_process {
	int only;
	const char *route;
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
		dmabuf_ask(&dmabuf, p->route);
		close(dmabuf.fd);
	}
	if (p->list) {
		obj = info_json(&dmabuf, p->route);
		json_number(obj, "fd", (uint64_t)number);
		json_append(p->list, obj);
	} else {
		if (p->nr)
			putchar('\n');
		info_print(&dmabuf, spec, p->route);
	}
	p->nr++;
	ret = info_verdict(&dmabuf, spec, p->route);
	if (ret)
		p->ret = ret;
	dmabuf_release(&dmabuf);
	return 0;
}

int info_process(pid_t pid, int only, const char *route, bool json)
{
	struct one_process p = { .only = only, .route = route };
	char what[32], comm[PROCFS_COMM];
	struct json_object *obj;
	int ret;

	snprintf(what, sizeof(what), "process %d", pid);
	if (json)
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
	if (json) {
		obj = json_new_object();
		json_number(obj, "pid", (uint64_t)pid);
		json_text(obj, "command", comm);
		json_member(obj, "buffers", p.list);
		json_print(obj);
	} else if (!p.nr) {
		printf("%s, %s, has no dma-buf open\n", what, comm);
	}
	return p.ret;
}

/* One process's hold on one buffer */
struct use {
	size_t buffer;
	pid_t pid;
	unsigned int fds;
	unsigned int maps;
};

struct everything {
	struct dmabuf *buffers;
	size_t nr_buffers;
	pid_t *pids;
	size_t nr_pids;
	struct use *uses;
	size_t nr_uses;
	dev_t device;
	unsigned int hidden;
	bool some;	/* are not even to be counted */
};

static void *grown(void *array, size_t nr, size_t size)
{
	/* Grown by doubling: at each power of two */
	if (nr & (nr - 1) && nr)
		return array;
	array = reallocarray(array, nr ? 2 * nr : 1, size);
	if (!array) {
		complain(NULL, NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	return array;
}

static struct use *find_use(struct everything *all, ino_t inode, pid_t pid)
{
	struct use *use;
	size_t i, j;

	for (i = 0; i < all->nr_buffers; i++)
		if (all->buffers[i].inode == inode)
			break;
	if (i == all->nr_buffers) {
		all->buffers = grown(all->buffers, i, sizeof(*all->buffers));
		memset(&all->buffers[i], 0, sizeof(*all->buffers));
		all->buffers[i].inode = inode;
		all->nr_buffers++;
	}
	for (j = 0; j < all->nr_uses; j++)
		if (all->uses[j].buffer == i && all->uses[j].pid == pid)
			return &all->uses[j];
	all->uses = grown(all->uses, j, sizeof(*all->uses));
	use = &all->uses[all->nr_uses++];
	*use = (struct use){ .buffer = i, .pid = pid };
	for (j = 0; j < all->nr_pids && all->pids[j] != pid; j++)
		;
	if (j == all->nr_pids) {
		all->pids = grown(all->pids, j, sizeof(pid));
		all->pids[all->nr_pids++] = pid;
	}
	return use;
}

static int add_fd(pid_t pid, int number, void *arg)
{
	struct everything *all = arg;
	struct dmabuf dmabuf, *known;
	struct use *use;

	if (dmabuf_read(&dmabuf, pid, number))
		return 0;
	if (!all->device)
		procfs_is_dmabuf(pid, number, &all->device);
	use = find_use(all, dmabuf.inode, pid);
	use->fds++;
	known = &all->buffers[use->buffer];
	/* The first that may be taken answers for all */
	if (known->exporter[0] && !known->query_error)
		return 0;
	dmabuf.fd = dmabuf_take(pid, number);
	dmabuf.query_error = dmabuf.fd < 0 ? -dmabuf.fd : 0;
	if (dmabuf.fd >= 0) {
		dmabuf_ask(&dmabuf, NULL);
		close(dmabuf.fd);
	}
	dmabuf_release(known);
	*known = dmabuf;
	return 0;
}

static void add_map(pid_t pid, ino_t inode, void *arg)
{
	find_use(arg, inode, pid)->maps++;
}

static int add_fds(pid_t pid, void *arg)
{
	struct everything *all = arg;
	int ret = procfs_each_fd(pid, add_fd, all);

	if (ret == -EACCES || ret == -EPERM)
		all->hidden++;
	else if (ret && ret != -ENOENT && ret != -ESRCH)
		return ret;
	return 0;
}

static int add_maps(pid_t pid, void *arg)
{
	struct everything *all = arg;
	int ret = procfs_each_map(pid, all->device, add_map, all);

	/* Those that may not be looked at are counted by now */
	return ret == -EMFILE || ret == -ENFILE ? ret : 0;
}

static int by_pid(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void sort_pids(struct everything *all)
{
	if (all->nr_pids)
		qsort(all->pids, all->nr_pids, sizeof(*all->pids), by_pid);
}

static const struct use *use_of(const struct everything *all, size_t buffer,
				pid_t pid)
{
	size_t i;

	for (i = 0; i < all->nr_uses; i++)
		if (all->uses[i].buffer == buffer && all->uses[i].pid == pid)
			return &all->uses[i];
	return NULL;
}

static const char *label_of(const struct dmabuf *b)
{
	return b->name[0] ? b->name : b->exporter;
}

static void print_rows(const struct everything *all, size_t width, size_t first,
		       size_t last)
{
	char size[UNITS_TEXT];
	const struct use *use;
	size_t i, p;

	printf("  %6s  %-7s  ", "SIZE", "STATE");
	text_column(width, "NAME");
	for (p = first; p < last; p++)
		printf(" %7d", all->pids[p]);
	putchar('\n');
	for (i = 0; i < all->nr_buffers; i++) {
		const struct dmabuf *b = &all->buffers[i];

		printf("  %6s  %-7s  ", format_size(b->size, size),
		       b->query_error || !b->exporter[0] ?
			       "-" : dmabuf_state_text(b->query.state));
		text_column(width, label_of(b));
		for (p = first; p < last; p++) {
			use = use_of(all, i, all->pids[p]);
			if (use)
				printf(" %7u", use->fds + use->maps);
			else
				printf(" %7s", ".");
		}
		putchar('\n');
	}
}

static void print_grid(const struct everything *all)
{
	char size[UNITS_TEXT], comm[PROCFS_COMM];
	size_t i, p, width = 4, columns;
	uint64_t sum = 0;

	for (i = 0; i < all->nr_buffers; i++)
		if (text_length(label_of(&all->buffers[i])) > width)
			width = text_length(label_of(&all->buffers[i]));
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
	for (i = 0; i < all->nr_buffers; i++)
		sum += all->buffers[i].size;
	if (all->nr_buffers)
		printf("\n%zu dma-buf%s, %s, in %zu process%s; in the grid: file descriptors and mappings\n",
		       all->nr_buffers, all->nr_buffers == 1 ? "" : "s",
		       format_size(sum, size), all->nr_pids,
		       all->nr_pids == 1 ? "" : "es");
	else
		puts("no process has a dma-buf");
	if (all->hidden)
		printf("%u process%s cannot be looked at: %s\n", all->hidden,
		       all->hidden == 1 ? "" : "es",
		       as_root("run it as root"));
	if (all->some)
		printf("/proc shows no processes of others: %s\n",
		       as_root("run it as root"));
}

static struct json_object *json_users(const struct everything *all, size_t i)
{
	struct json_object *users = json_new_array(), *user;
	char comm[PROCFS_COMM];
	const struct use *use;
	size_t p;

	for (p = 0; p < all->nr_pids; p++) {
		use = use_of(all, i, all->pids[p]);
		if (!use)
			continue;
		user = json_new_object();
		procfs_comm(use->pid, comm);
		json_number(user, "pid", (uint64_t)use->pid);
		json_text(user, "command", comm);
		json_number(user, "fds", use->fds);
		json_number(user, "mappings", use->maps);
		json_append(users, user);
	}
	return users;
}

static void print_all_json(const struct everything *all)
{
	struct json_object *obj = json_new_object();
	struct json_object *list = json_new_array(), *buffer;
	size_t i;

	for (i = 0; i < all->nr_buffers; i++) {
		buffer = info_json(&all->buffers[i], NULL);
		json_member(buffer, "users", json_users(all, i));
		json_append(list, buffer);
	}
	json_member(obj, "buffers", list);
	if (all->some)
		json_null(obj, "hidden_processes");
	else
		json_number(obj, "hidden_processes", all->hidden);
	json_print(obj);
}

int info_all(bool json)
{
	struct everything all = { 0 };
	size_t i;
	int ret;

	/* The first tells on which device the second is to look */
	ret = procfs_each_process("", add_fds, &all);
	if (!ret || ret == -EACCES)
		ret = procfs_each_process("", add_maps, &all);
	all.some = ret == -EACCES;
	if (all.some)
		ret = 0;
	sort_pids(&all);
	if (ret)
		complain("/proc", NULL, "cannot look at all processes: %s",
			 strerror(-ret));
	else if (json)
		print_all_json(&all);
	else
		print_grid(&all);
	for (i = 0; i < all.nr_buffers; i++)
		dmabuf_release(&all.buffers[i]);
	free(all.buffers);
	free(all.pids);
	free(all.uses);
	return ret ? EXIT_FAILED : EXIT_OK;
}
