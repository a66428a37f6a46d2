//! `--exclude` and `--include`, in the order in which they were typed.
//!
//! Clap collects each option by itself; their order among each other is in the
//! matches' indices, so this group reads the matches by hand.

use clap::{ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::prefix::Filter;

/// The filters, in order.
#[derive(Clone, Debug, Default)]
pub struct FilterArgs(pub Vec<Filter>);

impl Args for FilterArgs {
    fn augment_args(command: Command) -> Command {
        let option = |name: &'static str, help: &'static str| {
            clap::Arg::new(name)
                .long(name)
                .value_name("PATTERN")
                .action(ArgAction::Append)
                .help(help)
                .help_heading("What goes in")
        };
        command
            .arg(option(
                "exclude",
                "Leave files out whose path below the prefix matches (`*.pyc`, `lib/*/tests/*`)",
            ))
            .arg(option("include", "Take files back in that an earlier --exclude left out"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FilterArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |name: &str, filter: fn(String) -> Filter| {
            let indices = matches.indices_of(name).into_iter().flatten();
            let patterns = matches.get_many::<String>(name).into_iter().flatten().cloned();
            indices.zip(patterns.map(filter)).collect::<Vec<_>>()
        };
        let mut filters = typed("exclude", Filter::Exclude);
        filters.extend(typed("include", Filter::Include));
        filters.sort_by_key(|(index, _)| *index);
        Ok(FilterArgs(filters.into_iter().map(|(_, filter)| filter).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
