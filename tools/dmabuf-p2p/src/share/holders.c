// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "holders.h"
#include "message.h"
#include "procfs.h"
#include "sysfs_file.h"

struct search {
	struct holders *holders;
	void (*fn)(const struct dmabuf *dmabuf, pid_t pid, int number, void *arg);
	void *arg;
};

static int add_fd(pid_t pid, int number, void *arg)
{
	const struct search *s = arg;
	struct dmabuf dmabuf;

	if (dmabuf_read(&dmabuf, pid, number))
		return 0;
	if (!s->holders->device)
		procfs_is_dmabuf(pid, number, &s->holders->device);
	uses_find(&s->holders->uses, dmabuf.inode, pid)->fds++;
	if (s->fn)
		s->fn(&dmabuf, pid, number, s->arg);
	return 0;
}

static void add_map(pid_t pid, ino_t inode, void *arg)
{
	const struct search *s = arg;

	uses_find(&s->holders->uses, inode, pid)->maps++;
}

static int add_fds(pid_t pid, void *arg)
{
	const struct search *s = arg;
	int ret = procfs_each_fd(pid, add_fd, arg);

	if (ret == -EACCES || ret == -EPERM)
		s->holders->hidden++;
	else if (ret && ret != -ENOENT && ret != -ESRCH)
		return ret;
	return 0;
}

static int add_maps(pid_t pid, void *arg)
{
	const struct search *s = arg;
	int ret = procfs_each_map(pid, s->holders->device, add_map, arg);

	/* Those that may not be looked at are counted by now */
	return ret == -EMFILE || ret == -ENFILE ? ret : 0;
}

int holders_find(struct holders *holders,
		 void (*fn)(const struct dmabuf *dmabuf, pid_t pid, int number,
			    void *arg),
		 void *arg)
{
	struct search search = { .holders = holders, .fn = fn, .arg = arg };
	int ret;

	memset(holders, 0, sizeof(*holders));
	importers_read(&holders->importers, "");
	/* The first tells on which device the second is to look */
	ret = procfs_each_process("", add_fds, &search);
	if (!ret || ret == -EACCES)
		ret = procfs_each_process("", add_maps, &search);
	holders->some = ret == -EACCES;
	uses_sort(&holders->uses);
	return ret == -EACCES ? 0 : ret;
}

static const char *driver_of(const char *name, char *driver, size_t size)
{
	return sysfs_link(driver, size, "", "/sys/bus/pci/devices/%s/driver",
			  name) ? driver : "no PCI driver";
}

static void print_importer(const char *module, const char *device, void *arg)
{
	const char *what = arg;
	char driver[64];

	if (device)
		printf("  %simported by %s, %s\n", what, device,
		       driver_of(device, driver, sizeof(driver)));
	else
		printf("  %simported by %s\n", what, module);
}

void holders_print_devices(const struct holders *holders, ino_t inode,
			   const char *what)
{
	importers_each(&holders->importers, inode, print_importer, (void *)what);
}

void holders_print(const struct holders *holders, ino_t inode)
{
	char comm[PROCFS_COMM];
	struct use **use;
	size_t nr, i;

	use = uses_of(&holders->uses, inode, &nr);
	for (i = 0; i < nr; i++) {
		procfs_comm(use[i]->pid, comm);
		printf("  process %d, %s: %u file descriptor%s, %u mapping%s\n",
		       use[i]->pid, comm, use[i]->fds,
		       use[i]->fds == 1 ? "" : "s", use[i]->maps,
		       use[i]->maps == 1 ? "" : "s");
	}
	holders_print_devices(holders, inode, "");
}

void holders_print_rest(const struct holders *holders, bool devices)
{
	if (holders->hidden)
		printf("%u process%s cannot be looked at: %s\n", holders->hidden,
		       holders->hidden == 1 ? "" : "es",
		       as_root("run it as root"));
	if (holders->some)
		printf("/proc shows no processes of others: %s\n",
		       as_root("run it as root"));
	if (devices && holders->importers.error)
		printf("which devices import is in %s: %s\n", IMPORTERS_FILE,
		       holders->importers.error == EACCES ?
		       as_root("run it as root") :
		       "mount debugfs, of a kernel with CONFIG_DEBUG_FS");
}

struct importer_lists {
	struct json_object *devices;
	struct json_object *modules;
};

static void add_importer(const char *module, const char *name, void *arg)
{
	struct importer_lists *lists = arg;
	struct json_object *obj;
	char driver[64];

	if (!name) {
		json_append_text(lists->modules, module);
		return;
	}
	obj = json_new_object();
	json_text(obj, "device", name);
	if (sysfs_link(driver, sizeof(driver), "",
		       "/sys/bus/pci/devices/%s/driver", name))
		json_text(obj, "driver", driver);
	else
		json_null(obj, "driver");
	json_append(lists->devices, obj);
}

void holders_json(const struct holders *holders, ino_t inode,
		  struct json_object *obj)
{
	struct json_object *users = json_new_array(), *user;
	struct importer_lists lists;
	char comm[PROCFS_COMM];
	struct use **use;
	size_t nr, i;

	use = uses_of(&holders->uses, inode, &nr);
	for (i = 0; i < nr; i++) {
		user = json_new_object();
		procfs_comm(use[i]->pid, comm);
		json_number(user, "pid", (uint64_t)use[i]->pid);
		json_text(user, "command", comm);
		json_number(user, "fds", use[i]->fds);
		json_number(user, "mappings", use[i]->maps);
		json_append(users, user);
	}
	json_member(obj, "users", users);
	if (holders->importers.error) {
		json_null(obj, "importing_devices");
		json_null(obj, "importing_modules");
		return;
	}
	lists.devices = json_new_array();
	lists.modules = json_new_array();
	importers_each(&holders->importers, inode, add_importer, &lists);
	json_member(obj, "importing_devices", lists.devices);
	json_member(obj, "importing_modules", lists.modules);
}

void holders_free(struct holders *holders)
{
	uses_free(&holders->uses);
	importers_free(&holders->importers);
}
