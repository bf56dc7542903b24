// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd, importer 1: drivers/iommu/iommufd/dmabuf.c and dmabuf_fill.c, with one track. It
 * unmaps in the callback, and a work item follows a restore, at first or after failures.
 * A device may use what is mapped for it at any moment.
 */
/* struct iopt_phys */
bool iopt_attach;
byte iopt_list = NONE;
mtype:status iopt_status = OK;
bool iopt_stop;
bool track;			/* in iopt_phys.tracks */
byte mapped = NONE;		/* what the domain maps for it */
bool iopt_freed;

/* iopt_phys.restore */
bool work_pending, work_running, work_disabled;
bool delay;			/* it was queued once */

LOCK(pages_mutex);

inline iopt_phys_set_status(new)
{
	iopt_status = new;
	dma_buf_phys_set_status(new)
}

inline iopt_phys_stop()
{
	if
	:: iopt_list != NONE ->
		mapped = NONE;		/* iopt_phys_unmap_track() */
		mapping = iopt_list;
		iopt_list = NONE;
		dma_buf_phys_unmap(mapping);
		mapping = NONE
	:: else
	fi
}

inline iopt_phys_notify(event)
{
	if
	:: event == RESTORE ->
		if
		:: iopt_attach ->
			iopt_phys_set_status(EINPROGRESS);
			delay = true;
			work_pending = !work_disabled	/* mod_delayed_work() */
		:: else
		fi
	:: else ->
		at_status = OK;		/* phys_notify_attachments() */
#if BROKEN == 36	/* waits for the work item */
		!work_running;
#endif
		iopt_stop = true;
#if BROKEN != 25	/* without the mutex */
		lock(pages_mutex);
#endif
		iopt_stop = false;
		iopt_status = OK;
		iopt_phys_stop();
#if BROKEN != 25
		unlock(pages_mutex)
#endif
	fi;
	told[1] = true
}

/* To wait for a copy without the lock and look again is to come later */
inline iopt_phys_lock()
{
	dma_resv_lock();
	fences_signaled_kernel
}

/* Fails also if the exporter cannot say where a live buffer is */
inline iopt_phys_get_list()
{
	if
	:: dma_buf_phys_map(mapping);
		iopt_list = mapping;
		mapping = NONE
	:: true
	fi
}

/*
 * With pages->mutex held since fill has been iopt_list. rc is ENOMEM, or OK: also if a
 * revoke is waiting, or there is no access.
 */
inline iopt_phys_fill()
{
	if
	:: fill != NONE -> READS(fill)
	:: else
	fi;
	if
	:: fill == NONE -> rc = (iopt_status == EINPROGRESS -> OK : iopt_status)
	:: fill != NONE && iopt_stop -> rc = OK
	:: fill != NONE -> rc = ENOMEM
	:: fill != NONE -> ACCESS(fill); mapped = fill; rc = OK
	fi
}

/* The work item */
proctype iopt_phys_restore()
{
	mtype:status rc = OK;
	byte mapping = NONE, fill = NONE;
	bool woken;

end:	do
	:: atomic {
			work_pending ->
			assert(!iopt_freed);	/* freed */
			work_pending = false;
			work_running = true
		}
		atomic {
			iopt_phys_lock();
			if
			:: iopt_status == OK -> goto out
			:: iopt_status != OK && iopt_list == NONE ->
				iopt_phys_get_list();
				rc = (iopt_list == NONE -> ENOMEM : OK)
			:: iopt_status != OK && iopt_list != NONE
			fi;
			if
			:: rc != OK -> goto failed
			:: else -> dma_resv_unlock()
			fi
		}
		atomic { lock(pages_mutex); fill = iopt_list };	/* iopt_phys_fill_all() */
#if BROKEN == 35	/* takes the reservation lock inside of pages->mutex */
		dma_resv_lock();
		dma_resv_unlock();
#endif
		atomic {
			if
			:: track && mapped == NONE -> iopt_phys_fill()
			:: else
			fi;
			fill = NONE;
			unlock(pages_mutex)
		}
		atomic {
			dma_resv_lock();
#if BROKEN != 14	/* does not see that it was revoked meanwhile */
			if
			:: iopt_list == NONE -> goto out
			:: else
			fi;
#endif
failed:			iopt_phys_set_status(rc);
#if BROKEN != 16	/* does not try again */
			if
			:: rc != OK -> work_pending = !work_disabled	/* queue_delayed_work() */
			:: else
			fi;
#endif
out:			rc = OK;
			dma_resv_unlock()
		}
		work_running = false
	od
}

/* A program: IOMMU_IOAS_MAP_FILE and IOMMU_IOAS_UNMAP, any number of times */
proctype iommufd()
{
	mtype:status rc = OK;
	byte mapping = NONE, fill = NONE;
	bool woken;

	do
	:: atomic {	/* iopt_phys_map() */
			dma_resv_lock();
			told[1] = true;
			attached[1] = state != DEAD;
			dma_resv_unlock()
		}
		if
		:: attached[1]
		:: else -> break
		fi;
		atomic {	/* iopt_phys_attach() */
			iopt_phys_lock();
			iopt_phys_get_list();
			iopt_attach = iopt_list != NONE;
			dma_resv_unlock()
		}
		if
		:: !iopt_attach -> goto detach
		:: else
		fi;
		/* iopt_phys_fill_first(); flushing the work item is just a delay */
		atomic { lock(pages_mutex); fill = iopt_list }
		atomic {
			iopt_phys_fill();
			fill = NONE;
			track = rc == OK;
			rc = OK;
			unlock(pages_mutex)
		}
		if
		:: true
		:: true ->
end:			false		/* keeps it */
		fi;
		atomic {	/* __iopt_phys_untrack() */
			lock(pages_mutex);
			track = false;
			mapped = NONE;
			unlock(pages_mutex)
		}

		atomic { leave(true); dma_resv_lock() }		/* iopt_phys_unmap() */
		if
		:: delay ->
			dma_resv_unlock();
#if BROKEN != 15	/* does not stop the work item */
			atomic {	/* disable_delayed_work_sync() */
				work_disabled = true;
				work_pending = false;
				!work_running
			}
#endif
			dma_resv_lock()
		:: else
		fi;
		atomic {
			lock(pages_mutex);
			iopt_phys_stop();
			unlock(pages_mutex);
			dma_buf_phys_set_status(OK);	/* dma_buf_phys_detach_locked() */
			attached[1] = false;
			dma_resv_unlock();
			iopt_freed = work_pending || work_running;	/* kfree() */
			iopt_attach = false;
			iopt_status = OK;
			at_status = OK;
			delay = false;
			work_disabled = false;
			leave(false)
		}
		goto next;

detach:		atomic {
			dma_resv_lock();
			attached[1] = false;
			dma_resv_unlock()
		}
next:		skip
	:: break
	od;
	users--
}
