//! Tasks by name, with JSON for values: what a command line needs.
//!
//! Does **not** parse command lines.

use mp_worker::registry::NamedTask;
use serde_json::Value;

use crate::error::SubmitError;
use crate::handle::TaskHandle;
use crate::host::Work;
use crate::imap::{Order, Outcomes};
use crate::job::Name;
use crate::pool::Pool;

impl Pool {
    /// Submits a task by its name, with arguments that [`NamedTask::encode`] made.
    ///
    /// # Errors
    /// As [`Pool::apply_async`].
    pub fn submit_named(&self, task: &'static NamedTask, args: Vec<u8>) -> Result<TaskHandle<Value>, SubmitError> {
        self.submit_one(self.named(task), task.decode, |out, max| out.push_encoded(&args, max))
    }

    /// As [`Pool::imap`], for a task by its name; each outcome with the place of its item.
    pub fn imap_named<I>(&self, task: &'static NamedTask, items: I) -> Outcomes<Value>
    where
        I: Iterator<Item = Vec<u8>> + Send + 'static,
    {
        self.feed_named(task, items, Order::Input)
    }

    /// As [`Pool::imap_unordered`], for a task by its name; each outcome with the place of its item.
    pub fn imap_unordered_named<I>(&self, task: &'static NamedTask, items: I) -> Outcomes<Value>
    where
        I: Iterator<Item = Vec<u8>> + Send + 'static,
    {
        self.feed_named(task, items, Order::Completion)
    }

    fn feed_named<I>(&self, task: &'static NamedTask, items: I, order: Order) -> Outcomes<Value>
    where
        I: Iterator<Item = Vec<u8>> + Send + 'static,
    {
        let work = self.named(task);
        let encoder = self.encoder(&work);
        let encode = move |item: Vec<u8>| encoder.one(|args, max| args.push_encoded(&item, max));
        self.feed(work, task.decode, (items.map(encode), order))
    }

    fn named(&self, task: &'static NamedTask) -> Work {
        let (name, terms) = (Name::Function(task.name), self.terms());
        Work { entry: task.entry, name, terms, may_wait: true, show: task.show }
    }
}
