//! Which processors a file is for.

use std::fmt;

use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64};

/// What has to agree between a process and what it loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Machine {
    /// `EM_X86_64` and its like.
    pub(super) number: u16,
    pub(super) width: Width,
    pub(super) little_endian: bool,
}

/// The size of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    Bits32,
    #[default]
    Bits64,
}

impl Machine {
    pub(crate) fn is_little_endian(self) -> bool {
        self.little_endian
    }

    pub(crate) fn is_64_bit(self) -> bool {
        self.width == Width::Bits64
    }

    /// The platform, as conda names it.
    pub(crate) fn platform(self) -> Option<&'static str> {
        Some(match (self.number, self.width, self.little_endian) {
            (EM_X86_64, Width::Bits64, true) => "linux-64",
            (EM_386, Width::Bits32, true) => "linux-32",
            (EM_AARCH64, Width::Bits64, true) => "linux-aarch64",
            (EM_PPC64, Width::Bits64, true) => "linux-ppc64le",
            (EM_S390, Width::Bits64, false) => "linux-s390x",
            (EM_RISCV, Width::Bits64, true) => "linux-riscv64",
            _ => return None,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.number {
            EM_X86_64 => "x86-64",
            EM_386 => "x86",
            EM_AARCH64 => "aarch64",
            EM_ARM => "arm",
            EM_PPC64 => "ppc64",
            EM_S390 => "s390x",
            EM_RISCV => "riscv",
            number => return write!(formatter, "machine {number}"),
        };
        write!(formatter, "{name}")?;
        // What is not as usual for it is the reason why it isn't loaded.
        let usual = match self.number {
            EM_386 | EM_ARM => Width::Bits32,
            _ => Width::Bits64,
        };
        match self.width {
            width if width == usual => {}
            Width::Bits32 => write!(formatter, ", 32 bits")?,
            Width::Bits64 => write!(formatter, ", 64 bits")?,
        }
        match self.little_endian {
            little if little == (self.number != EM_S390) => Ok(()),
            true => write!(formatter, ", little-endian"),
            false => write!(formatter, ", big-endian"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_have_the_names_that_people_give_them() {
        let machine = |number, width, little_endian| Machine { number, width, little_endian };
        for (machine, name, platform) in [
            (machine(EM_X86_64, Width::Bits64, true), "x86-64", Some("linux-64")),
            (machine(EM_X86_64, Width::Bits64, false), "x86-64, big-endian", None),
            (machine(EM_X86_64, Width::Bits32, true), "x86-64, 32 bits", None),
            (machine(EM_386, Width::Bits32, true), "x86", Some("linux-32")),
            (machine(EM_S390, Width::Bits64, false), "s390x", Some("linux-s390x")),
            (machine(4242, Width::Bits64, true), "machine 4242", None),
        ] {
            assert_eq!((machine.to_string().as_str(), machine.platform()), (name, platform));
        }
    }
}
