import { mount } from 'svelte'
import App from './App.svelte'
import { exposeCounters } from './draw/loop'
import { router } from './lib/route.svelte'
import { theme } from './lib/theme.svelte'
import 'uplot/dist/uPlot.min.css'
import './styles/base.css'

theme.start()
router.start()
exposeCounters()
mount(App, { target: document.getElementById('app')! })
