//! Sites, and whose they are.

/// Which trial each site belongs to.
pub struct Places {
    /// Rows of sites.
    pub rows: usize,
    /// Columns of sites.
    pub columns: usize,
    /// 0 for none, else its number plus 1.
    owners: Vec<u32>,
    /// Owners before they spread.
    before: Vec<u32>,
}

impl Places {
    /// Sites that belong to none.
    pub fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, owners: vec![0; rows * columns], before: vec![0; rows * columns] }
    }

    /// Takes all sites from all trials.
    pub fn clear(&mut self) {
        self.owners.fill(0);
    }

    /// Gives the square of `reach` sites around a site to a trial if nobody has any of it.
    pub fn claim(&mut self, site: usize, reach: usize, trial: usize) -> bool {
        let (y, x) = (site / self.columns, site % self.columns);
        let columns = x.saturating_sub(reach)..(x + reach + 1).min(self.columns);
        let rows = y.saturating_sub(reach)..(y + reach + 1).min(self.rows);
        let row = |y: usize| y * self.columns + columns.start..y * self.columns + columns.end;
        let free = rows.clone().all(|y| self.owners[row(y)].iter().all(|&owner| owner == 0));
        if free {
            rows.for_each(|y| self.owners[row(y)].fill(trial as u32 + 1));
        }
        free
    }

    /// Gives sites that nobody has to a neighbour's trial.
    pub fn spread(&mut self) {
        let (rows, columns) = (self.rows, self.columns);
        self.before.copy_from_slice(&self.owners);
        let before = &self.before;
        for (at, owner) in self.owners.iter_mut().enumerate().filter(|(_, owner)| **owner == 0) {
            let (y, x) = (at / columns, at % columns);
            let neighbours = [
                (x > 0).then(|| before[at - 1]),
                (x + 1 < columns).then(|| before[at + 1]),
                (y > 0).then(|| before[at - columns]),
                (y + 1 < rows).then(|| before[at + columns]),
            ];
            *owner = neighbours.into_iter().flatten().max().unwrap_or(0);
        }
    }

    /// The trial that a site belongs to.
    pub fn owner(&self, site: usize) -> Option<usize> {
        (self.owners[site] as usize).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_trials_have_one_place() {
        let mut places = Places::new(9, 11);
        assert!(places.claim(0, 2, 0) && places.claim(8 * 11 + 10, 1, 1));
        assert!(!places.claim(4 * 11 + 4, 2, 2), "a corner of it is taken");
        assert!(places.claim(4 * 11 + 5, 2, 2));
        places.spread();
        let owners: Vec<Option<usize>> = (0..9 * 11).map(|site| places.owner(site)).collect();
        for (site, owner) in owners.into_iter().enumerate() {
            let (y, x) = ((site / 11) as i32, (site % 11) as i32);
            let away = |at: [i32; 2], reach: i32| {
                let beyond = |a: i32, b: i32| (a.abs_diff(b) as i32 - reach).max(0);
                beyond(y, at[0]) + beyond(x, at[1])
            };
            let distances = [away([0, 0], 2), away([8, 10], 1), away([4, 5], 2)];
            let nearest = distances.into_iter().min().unwrap_or(i32::MAX);
            match owner {
                Some(owner) => assert!(distances[owner] == nearest && nearest <= 1, "{y} {x}"),
                None => assert!(nearest > 1, "{y} {x}"),
            }
        }
    }
}
