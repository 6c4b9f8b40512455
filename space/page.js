// The before/after switch keeps the place in the film; the playhead runs over the plan; a click on the plan seeks.
(() => {
  const video = (id) => document.querySelector(`#${id} video`);
  const shown = () => video(document.body.dataset.sound === "before" ? "before" : "after");

  window.diffbgm = {
    swap(which) {
      const next = which === "Before" ? "before" : "after";
      const from = shown();
      document.body.dataset.sound = next;
      const to = shown();
      if (!from || !to || from === to) return;
      to.currentTime = from.currentTime;
      if (!from.paused) to.play();
      from.pause();
    },
    toStatus() {
      if (window.innerWidth < 700) document.querySelector("#status")?.scrollIntoView({ behavior: "smooth" });
    },
  };

  document.addEventListener("timeupdate", (event) => {
    const lanes = document.querySelector(".bgm-lanes");
    if (!lanes || event.target !== shown()) return;
    lanes.style.setProperty("--at", `${(100 * event.target.currentTime) / Number(lanes.dataset.duration)}%`);
  }, true);

  document.addEventListener("click", (event) => {
    const track = event.target.closest?.(".bgm-track");
    const player = shown();
    if (!track || !player) return;
    const box = track.getBoundingClientRect();
    const lanes = track.closest(".bgm-lanes");
    player.currentTime = ((event.clientX - box.left) / box.width) * Number(lanes.dataset.duration);
  });
})();
